"""The board while the world moves: scores fade, facts and alerts arrive, nothing moves under the reader."""

import re

import pytest
from playwright.sync_api import Page, expect

from scorer.times import DAY, SECOND, format_time
from tests.e2e.board_fixture import MONDAY, Desk, until
from tests.e2e.board_leads import INJECTION
from tests.e2e.conftest import Open

pytestmark = pytest.mark.browser


def ids(page: Page) -> list[str]:
    """The leads in the order shown."""
    return [str(one) for one in page.locator("tr.l").evaluate_all("rows => rows.map(row => row.dataset.id)")]


def asks_for_demo(desk: Desk, lead: str, seconds: int = 5) -> None:
    """A lead asks for a demo, some seconds after the board was opened."""
    at = format_time(MONDAY + seconds * SECOND)
    body = {"id": f"live-{lead}-{seconds}", "type": "demo_requested", "time": at, "lead_id": lead}
    desk.happens(body | {"properties": {}, "context": {"channel": "search"}})


def shown(page: Page, lead: str) -> float:
    """The score that a row prints."""
    text = page.locator(f"tr[data-id={lead}] .score").inner_text()
    return float(text.replace(",", ".").replace("−", "-"))


def test_a_score_fades_on_the_readers_clock(desk: Desk, open_page: Open) -> None:
    desk.hello = {"rate": 20_000.0, "meets": format_time(MONDAY + 30 * DAY)}
    page = open_page("/")
    before = shown(page, "u-2041")
    quiet = sum(desk.requests.values())
    until(lambda: shown(page, "u-2041") < before - 0.3)
    assert sum(desk.requests.values()) == quiet
    expect(page.locator("[data-clock]")).to_contain_text("sped up")


def test_the_tier_falls_by_itself_at_its_moment(desk: Desk, open_page: Open) -> None:
    desk.hello = {"rate": 400_000.0, "meets": format_time(MONDAY + 90 * DAY)}
    page = open_page("/leads/u-2041")
    expect(page.locator(".scorebox .tier")).to_have_text("Warm", timeout=15_000)
    expect(page.locator("#say")).to_contain_text("Claire Delaunay: Warm", timeout=15_000)


def test_nothing_is_asked_while_nothing_happens(desk: Desk, open_page: Open) -> None:
    page = open_page("/")
    page.evaluate("() => { window.ticks = 0; setInterval(() => { window.ticks += 1 }, 1000) }")
    before = sum(desk.requests.values())
    writes = page.evaluate(
        """() => { window.writes = 0;
        new MutationObserver(list => { window.writes += list.length })
          .observe(document.querySelector('.leads'), {subtree: true, childList: true, characterData: true});
        return window.writes }"""
    )
    until(lambda: page.evaluate("window.ticks") >= 3)
    assert sum(desk.requests.values()) == before
    assert writes == 0
    assert page.evaluate("window.writes") <= 26, "only texts whose digits change are touched"


def test_a_fact_changes_its_value_and_moves_nothing(desk: Desk, open_page: Open) -> None:
    page = open_page("/")
    order, before = ids(page), shown(page, "u-0711")
    where = page.locator("tr[data-id=u-1904]").bounding_box()
    page.locator("tr[data-id=u-1904] a.who").focus()
    asks_for_demo(desk, "u-0711")
    until(lambda: shown(page, "u-0711") > before + 20)
    expect(page.locator("tr[data-id=u-0711] .c-score.flash")).to_have_count(1)
    expect(page.locator(".pill")).to_contain_text("1 lead changed rank")
    assert ids(page) == order
    assert page.locator("tr[data-id=u-1904]").bounding_box() == where
    page.keyboard.press("r")
    expect(page.locator(".pill")).to_be_hidden()
    assert ids(page) != order
    assert ids(page).index("u-0711") < 6
    expect(page.locator("tr[data-id=u-1904] a.who")).to_be_focused()


def test_a_new_lead_waits_in_the_pill(desk: Desk, open_page: Open) -> None:
    page = open_page("/")
    assert "u-new" not in ids(page)
    asks_for_demo(desk, "u-new")
    expect(page.locator(".pill")).to_contain_text("1 new")
    page.locator("[data-reorder]").click()
    expect(page.locator("tr[data-id=u-new]")).to_have_count(1)


def test_in_a_demonstration_the_order_follows_while_nobody_is_in_the_list(
    desk: Desk, open_page: Open
) -> None:
    desk.hello = {"rate": 2.0, "meets": format_time(MONDAY + 30 * DAY)}
    page = open_page("/")
    page.locator("tr[data-id=u-1904] a.who").focus()
    asks_for_demo(desk, "u-new")
    expect(page.locator(".pill")).to_contain_text("1 new")
    assert "u-new" not in ids(page)
    page.locator("tr[data-id=u-1904] a.who").blur()
    expect(page.locator("tr[data-id=u-new]")).to_have_count(1)
    expect(page.locator(".pill")).to_be_hidden()


def test_an_alert_arrives(desk: Desk, open_page: Open) -> None:
    page = open_page("/alerts")
    rows = page.locator("[data-alert]")
    count = rows.count()
    badge = page.locator(".side [data-count=alerts]")
    expect(badge).to_contain_text("5")
    asks_for_demo(desk, "u-0711")
    expect(page.locator(".pill")).to_contain_text("1 new alert")
    expect(badge).to_contain_text("6")
    assert rows.count() == count
    page.locator("[data-show]").click()
    expect(rows).to_have_count(count + 1)
    expect(page.locator("article[aria-label='Thomas Le Goff']")).to_be_visible()


def test_alerts_stand_soonest_to_cool_first(open_page: Open) -> None:
    page = open_page("/alerts")
    names = page.locator("ol").first.locator("article").evaluate_all("all => all.map(one => one.ariaLabel)")
    cools = ["Sophie Marchetti", "Claire Delaunay", "Karim Benali", "Guillaume Tessier", "Nadia Ferhat"]
    assert names == cools


def test_an_answer_is_posted_and_can_be_undone(desk: Desk, open_page: Open) -> None:
    page = open_page("/")
    own, below = page.locator("tr[data-id=u-1187] .c-own"), page.locator("tr[data-id=u-1522]")
    where = below.bounding_box()
    own.get_by_role("button").click()
    expect(own.locator(".ok")).to_have_attribute("title", re.compile("Taken by you"))
    until(lambda: desk.answers)
    assert desk.answers[0]["answer"] == "accepted"
    assert desk.answers[0]["by"] == "Inès Caron"
    expect(page.locator(".side [data-count=alerts]")).to_contain_text("4")
    assert below.bounding_box() == where
    own.locator("[data-undo]").click()
    until(lambda: len(desk.answers) == 2)
    assert desk.answers[1]["answer"] == "withdrawn"
    expect(own.get_by_role("button")).to_have_text("I take it")
    expect(page.locator(".side [data-count=alerts]")).to_contain_text("5")


def test_undo_ends_after_ten_seconds(open_page: Open) -> None:
    page = open_page("/leads/u-2041")
    page.locator("[data-answer=rejected]").click()
    expect(page.locator("[data-undo]")).to_be_visible()
    expect(page.locator("[data-undo]")).to_have_count(0, timeout=15_000)
    expect(page.locator(".answer")).to_contain_text("Not ready, you said")


def test_an_answer_that_fails_stays_and_is_sent_again(desk: Desk, open_page: Open) -> None:
    page = open_page("/alerts")
    desk.refuse = lambda request: 503 if request.method == "POST" else None
    row = page.locator("[data-alert]", has_text="Karim Benali")
    row.locator("[data-answer=wrong]").click()
    expect(row).to_contain_text("Answer not saved")
    assert desk.answers == []
    desk.refuse = lambda _: None
    row.locator("[data-resend]").click()
    until(lambda: desk.answers)
    assert desk.answers[0]["answer"] == "wrong"
    expect(row).to_contain_text("Wrong, you said")


def test_somebody_elses_answer_shows(desk: Desk, open_page: Open) -> None:
    page = open_page("/alerts")
    alert = next(one for one in desk.world.alerts.values() if one["lead_id"] == "u-1187")
    said = {"answer": "accepted", "by": "Marc Lefèvre", "note": None, "at": format_time(MONDAY)}
    until(lambda: desk.clients)
    desk.tell("answer", {"alert_id": alert["id"], "lead_id": "u-1187", **said})
    expect(page.locator("[data-alert]", has_text="Karim Benali")).to_contain_text("Taken by Marc Lefèvre")


def test_pause_holds_everything_and_counts_it(desk: Desk, open_page: Open) -> None:
    desk.hello = {"rate": 20_000.0, "meets": format_time(MONDAY + 30 * DAY)}
    page = open_page("/")
    page.keyboard.press("p")
    still = shown(page, "u-2041"), shown(page, "u-0711")
    asks_for_demo(desk, "u-0711")
    expect(page.locator(".paused-strip")).to_contain_text(re.compile(r"[12] changes? held"))
    assert (shown(page, "u-2041"), shown(page, "u-0711")) == still
    page.keyboard.press("p")
    until(lambda: shown(page, "u-2041") < still[0])
    expect(page.locator(".paused-strip")).to_have_count(0)


def test_a_lost_line_is_said_and_heals(desk: Desk, open_page: Open) -> None:
    page = open_page("/")
    where = page.locator("tr[data-id=u-1904]").bounding_box()
    desk.refuse = lambda request: 502 if request.url.path == "/v1/stream" else None
    desk.hang_up()
    expect(page.locator(".banner")).to_contain_text("No news since", timeout=15_000)
    assert page.locator("tr[data-id=u-1904]").bounding_box() == where
    desk.refuse = lambda _: None
    page.get_by_role("button", name="Try now").click()
    expect(page.locator(".banner")).to_have_count(0)
    expect(page.locator("[data-live]").first).to_have_text("Live")


def test_who_lost_the_right_is_told(desk: Desk, open_page: Open) -> None:
    page = open_page("/")
    desk.refuse = lambda _: 401
    desk.hang_up()
    expect(page.locator(".banner")).to_contain_text("signed out", timeout=15_000)
    expect(page.locator(".banner a")).to_have_attribute("href", "/login?next=%2F")


@pytest.mark.parametrize("path", ["/", "/leads/u-0666", "/?sort=name"])
def test_a_name_that_is_markup_is_text(path: str, open_page: Open) -> None:
    page = open_page(path)
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    expect(page.locator("main")).to_contain_text(INJECTION)
    assert page.locator("main img").count() == 0


def test_a_visit_of_this_lead_gathers_in_a_pill(desk: Desk, open_page: Open) -> None:
    page = open_page("/leads/u-0711")
    facts = page.locator("#timeline-title + p").inner_text()
    asks_for_demo(desk, "u-0711")
    expect(page.locator(".big")).to_contain_text("96")
    expect(page.locator("section .pill")).to_contain_text("1 new fact")
    assert page.locator("#timeline-title + p").inner_text() == facts
    page.keyboard.press("r")
    expect(page.locator("#timeline-title + p")).to_contain_text("6 facts")
    expect(page.locator("[data-change=hot]")).to_contain_text("Asked for a demo")
