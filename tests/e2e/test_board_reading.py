"""What the board computes and keeps: the contract's formula, filters in the address, keys, languages."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from scorer.plan import Plan
from scorer.reading import Reader
from scorer.times import DAY, parse_time
from tests.e2e.board_fixture import KEY, MONDAY, Desk, until
from tests.e2e.conftest import Open
from tests.e2e.test_board_axe import looked_after

BOARD = Path(__file__).parents[2] / "connectors" / "serve" / "board"
browser = pytest.mark.browser
_READ = """async ([grid, record, moments]) => {
  const { Grid } = await import('/static/js/grid.js');
  const { Entry } = await import('/static/js/entry.js');
  const { next_tier, ...rest } = record;
  const entry = new Entry(rest, new Grid(grid), Date.parse(record.as_of));
  const next = entry.next && [entry.next.tier, entry.next.at];
  const told = one => [one.total, one.scores, Object.fromEntries(one.points)];
  return [next, moments.map(at => told(entry.at(at)))];
}"""


@browser
@pytest.mark.parametrize("lang", ["fr-FR", "en-GB"])
def test_a_leads_page_says_why_an_alert_or_not_and_who_looks_after_it(
    lang: str, context_of: Callable[..., BrowserContext], desk: Desk
) -> None:
    looked_after(desk)
    page = context_of(lang=lang, width=390).new_page()
    page.goto("/leads/u-2041")
    french = lang == "fr-FR"
    acts = page.get_by_role("region", name="Qui s’en occupe" if french else "Who looks after it")
    expect(acts).to_contain_text("Attribué à claire" if french else "Assigned to claire")
    expect(acts).to_contain_text("en retard, signalé" if french else "overdue, reported")
    why = "Pourquoi une alerte, ou non" if french else "Why an alert, or not"
    plays = page.get_by_role("region", name=why)
    expect(plays.get_by_role("listitem")).to_have_count(len(desk.world.grid.plays))
    expect(plays).to_contain_text("A donné une alerte le" if french else "Gave an alert on")
    alerts = page.get_by_role("region", name="Alertes et réponses" if french else "Alerts and answers")
    expect(alerts).to_contain_text("Nouvel essai" if french else "Next try")
    expect(alerts).to_contain_text("Slack answered 404")
    expect(alerts).to_contain_text("Nouvel essai demandé" if french else "Another try asked for")
    page.goto("/leads/a-5b91c0")
    expect(plays).to_contain_text("Il manque" if french else "Missing: 20 points of fit.")


@browser
def test_scores_are_those_of_the_scorer(desk: Desk, open_page: Open) -> None:
    page = open_page("/")
    reader = Reader(Plan(desk.world.grid))
    moments = [MONDAY + part * DAY // 3 for part in range(0, 200, 7)]
    for lead, written in desk.world.records.items():
        view = desk.world.view(lead)
        asked = [desk.world.grid.as_json(), view, [moment / 1_000 for moment in moments]]
        upcoming, found = page.evaluate(_READ, asked)
        wanted = [reader.at(written[-1][1], moment) for moment in moments]
        assert [one[0] for one in found] == pytest.approx([one["score"] for one in wanted], abs=1e-6)
        assert [one[1] for one in found] == [pytest.approx(one["scores"], abs=1e-6) for one in wanted]
        expected = view["next_tier"]
        assert (upcoming is None) == (expected is None), lead
        if expected:
            assert upcoming[0] == expected["tier"]
            assert upcoming[1] == pytest.approx(parse_time(expected["at"]) / 1_000, abs=1_000)


@browser
def test_filters_search_and_sort_live_in_the_address(open_page: Open) -> None:
    page = open_page("/")
    page.locator(".seg [data-tier=warm]").click()
    expect(page).to_have_url(re.compile(r"\?tier=warm$"))
    expect(page.locator("tr.l[data-tier=warm]")).to_have_count(4)
    page.locator("[data-search]").fill("logis")
    expect(page).to_have_url(re.compile(r"tier=warm&q=logis$"))
    expect(page.locator("tr.l")).to_have_count(1)
    page.reload()
    expect(page.locator("tr.l")).to_have_count(1)
    expect(page.locator("[data-search]")).to_have_value("logis")
    page.locator("[data-search]").fill("nothing like it")
    page.get_by_role("button", name="Clear all").click()
    expect(page.locator("tr.l")).to_have_count(13)


@browser
def test_owner_channel_and_visitors_narrow_the_list(open_page: Open) -> None:
    page = open_page("/?channel=linkedin")
    expect(page.locator("tr.l")).to_have_count(2)
    page.locator("[data-filter=channel]").select_option("")
    page.locator("[data-filter=who]").select_option("anonymous")
    expect(page.locator("tr.l")).to_have_count(2)
    expect(page).to_have_url(re.compile(r"\?who=anonymous$"))


@browser
def test_keys_move_answer_and_open(desk: Desk, open_page: Open) -> None:
    page = open_page("/")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement.textContent") == "Claire Delaunay"
    page.keyboard.press("a")
    until(lambda: desk.answers)
    page.keyboard.press("z")
    until(lambda: len(desk.answers) == 2)
    assert [one["answer"] for one in desk.answers] == ["accepted", "withdrawn"]
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.type") == "search"
    page.keyboard.type("ajk")
    expect(page.locator("[data-search]")).to_have_value("ajk")
    assert len(desk.answers) == 2
    page.keyboard.press("Escape")
    page.goto("/")
    page.wait_for_selector("tr.l")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Claire Delaunay")
    page.keyboard.press("j")
    expect(page.locator("h1")).to_have_text("Guillaume Tessier")


@browser
def test_single_keys_can_be_switched_off(desk: Desk, open_page: Open) -> None:
    page = open_page("/")
    page.keyboard.press("?")
    page.locator("dialog input[type=checkbox]").uncheck()
    page.locator("dialog").get_by_role("button").click()
    page.keyboard.press("j")
    page.keyboard.press("p")
    page.reload()
    page.wait_for_selector("tr.l")
    page.keyboard.press("p")
    assert page.locator(".paused-strip").count() == 0
    assert page.evaluate("document.activeElement === document.body")
    assert desk.answers == []


@browser
def test_the_first_stop_of_the_keyboard_skips_to_the_content(open_page: Open) -> None:
    page = open_page("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


@browser
def test_the_curve_is_read_by_keys_and_as_a_table(open_page: Open) -> None:
    page = open_page("/leads/u-2041")
    curve = page.get_by_role("slider")
    assert "Warm" not in (curve.get_attribute("aria-valuetext") or "")
    curve.focus()
    page.keyboard.press("End")
    expect(page.locator(".readout")).to_contain_text("if nothing happens")
    assert re.search(r"Mon 30 Nov, 10:42: \d\d\.\d", curve.get_attribute("aria-valuetext") or "")
    page.locator(".as-table summary").click()
    expect(page.locator(".as-table tbody tr", has_text="becomes hot")).to_have_count(2)
    expect(page.locator(".as-table tbody tr", has_text="step, if nothing happens")).to_have_count(2)


@browser
def test_each_contribution_says_itself(open_page: Open) -> None:
    page = open_page("/leads/u-2041")
    row = page.locator("tr[data-criterion=demo-mail-again]")
    expect(row).to_contain_text("Opened the demo e-mail again")
    expect(row).to_contain_text("half in 14\u00a0d")
    expect(row).to_contain_text("drops to 0 on 27 Nov at 13:42 if nothing happens")
    expect(page.locator("tr[data-criterion=decision-maker]")).to_contain_text("does not fade")
    expect(page.locator("tr[data-criterion=silent]")).to_contain_text("−15 on 23 Dec at 10:21")


@browser
def test_language_by_browser_by_switch_and_by_address(context_of: Callable[..., BrowserContext]) -> None:
    page = context_of(lang="fr-FR").new_page()
    page.goto("/")
    expect(page.locator("h1")).to_have_text("Qui appeler maintenant")
    page.locator("[data-language]:visible").click()
    expect(page.locator("h1")).to_have_text("Whom to call now")
    page.goto("/alerts")
    expect(page.locator("h1")).to_have_text("Alerts")
    page.goto("/alerts?lang=fr")
    expect(page.locator("h1")).to_have_text("Alertes")


@browser
def test_the_theme_is_remembered(open_page: Open) -> None:
    page = open_page("/")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.locator("[data-theme-switch]:visible").click()
    dark = page.evaluate(paper)
    page.reload()
    assert dark != light
    assert page.evaluate(paper) == dark


@browser
def test_login_takes_a_key_and_goes_on(context_of: Callable[..., BrowserContext]) -> None:
    context = context_of(name="")
    context.clear_cookies()
    page = context.new_page()
    page.goto("/alerts")
    page.get_by_label("Your name").fill("Inès Caron")
    page.get_by_label("Read key").fill("wrong")
    page.get_by_role("button").click()
    expect(page.get_by_role("alert")).to_contain_text("not known")
    page.get_by_label("Read key").fill(KEY)
    page.get_by_role("button").click()
    expect(page.locator("h1")).to_have_text("Alerts")
    expect(page).to_have_url(re.compile(r"/alerts$"))
    assert [cookie["httpOnly"] for cookie in context.cookies()] == [True]


@browser
def test_a_link_with_the_key_signs_in_and_drops_it(context_of: Callable[..., BrowserContext]) -> None:
    context = context_of()
    context.clear_cookies()
    page = context.new_page()
    page.goto(f"/#key={KEY}")
    expect(page.locator("tr.l")).to_have_count(13)
    assert KEY not in page.url
    assert page.evaluate("JSON.stringify(localStorage)").find(KEY) == -1


@browser
def test_the_name_is_asked_before_the_first_answer(desk: Desk, open_page: Open) -> None:
    page = open_page("/", name="")
    page.locator("tr[data-id=u-2041] [data-answer]").click()
    page.locator("dialog[open] input").fill("Marc")
    page.keyboard.press("Enter")
    until(lambda: desk.answers)
    assert desk.answers[0]["by"] == "Marc"


def test_every_text_is_there_in_both_languages() -> None:
    texts = json.loads((BOARD / "texts.json").read_text("utf-8"))
    assert [key for key, text in texts.items() if set(text) != {"fr", "en"} or not all(text.values())] == []
    holes = {
        key: [sorted(re.findall(r"\{\w+\}", text[lang])) for lang in ("fr", "en")]
        for key, text in texts.items()
    }
    assert [key for key, (fr, en) in holes.items() if set(en) - set(fr)] == []
    asked = re.findall(r"\bt[nx]?\('([\w.-]+)'", _scripts())
    missing = [key for key in asked if key not in texts and f"{key}.other" not in texts]
    assert missing == []


def test_nothing_is_read_as_markup_and_nothing_comes_from_elsewhere() -> None:
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function"
    assert re.findall(forbidden, _scripts()) == []
    files = [path for path in BOARD.rglob("*") if path.suffix in (".html", ".css", ".js")]
    assert len(files) > 40
    for path in files:
        text = (
            path.read_text("utf-8")
            .replace("http://www.w3.org/2000/svg", "")
            .replace("https://example.com", "")
        )
        assert re.findall(r"https?://|url\(['\"]?//", text) == [], path
        if path.suffix == ".html":
            assert re.findall(r"<style|style=|<script>|\son\w+=", text) == [], path


def _scripts() -> str:
    return "\n".join(path.read_text("utf-8") for path in sorted(BOARD.glob("js/*.js")))
