"""The board under strain: a slow or restarted server, odd addresses, words of any length."""

import re
from collections.abc import Callable
from urllib.parse import quote

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from scorer.times import SECOND, format_time
from tests.e2e.board_fixture import MONDAY, Desk, until
from tests.e2e.board_leads import Sample, pricing
from tests.e2e.board_world import World
from tests.e2e.conftest import Open

pytestmark = pytest.mark.browser


def focused(page: Page) -> str:
    """What has the focus, by its text."""
    return str(page.evaluate("document.activeElement.textContent"))


def test_a_tier_that_is_none_is_forgotten(open_page: Open) -> None:
    page = open_page("/?tier=scorching")
    expect(page.locator("tr.l")).to_have_count(13)


def test_what_is_announced_is_what_is_shown(open_page: Open) -> None:
    page = open_page("/")
    page.locator("[data-search]").fill("nobody is called so")
    expect(page.locator("#say")).to_have_text("0 leads shown")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    assert page.locator("tr.l").count() == 0


def test_focus_stays_where_a_button_goes(open_page: Open) -> None:
    page = open_page("/")
    page.locator(".seg [data-tier=warm]").focus()
    page.keyboard.press("Enter")
    expect(page.locator("tr.l[data-tier=warm]")).to_have_count(4)
    assert focused(page).startswith("Warm")
    page.locator("[data-search]").fill("nobody is called so")
    page.get_by_role("button", name="Clear all").click()
    assert page.evaluate("document.activeElement.type") == "search"
    expect(page.locator("tr.l")).to_have_count(13)


def test_the_columns_say_the_order(open_page: Open) -> None:
    page = open_page("/")
    expect(page.locator("th.c-score")).to_have_attribute("aria-sort", "descending")
    page.locator("[data-filter=sort]").select_option("cools")
    expect(page.locator("th.c-cool")).to_have_attribute("aria-sort", "ascending")
    expect(page.locator("th[aria-sort]")).to_have_count(1)


def test_numbers_by_tier_follow_the_facts(desk: Desk, open_page: Open) -> None:
    page = open_page("/")
    every = page.locator(".seg [data-tier=all] .c")
    expect(every).to_have_text("13")
    at = format_time(MONDAY + 5 * SECOND)
    body = {"id": "new", "type": "demo_requested", "time": at, "lead_id": "u-new", "properties": {}}
    desk.happens(body | {"context": {"channel": "search"}})
    expect(every).to_have_text("14", timeout=20_000)
    expect(page.locator(".side [data-count=leads]")).to_have_text("14")


def test_those_who_wait_are_counted_in_place(open_page: Open) -> None:
    page = open_page("/")
    head, rows = page.locator("tr.grp.now .n"), page.locator("tr.l.g-now")
    shown = rows.count()
    expect(head).to_have_text(f"{shown} · alert unanswered")
    rows.first.locator("[data-answer]").click()
    expect(head).to_have_text(f"{shown - 1} · alert unanswered")
    assert rows.count() == shown
    page.goto("/alerts")
    head = page.locator(".day .mute").first
    expect(head).to_have_text(re.compile(r"^4 · "))
    page.locator("[data-answer=accepted]").first.click()
    expect(head).to_have_text(re.compile(r"^3 · "))


def test_a_filter_with_nothing_to_choose_from_says_so(desk: Desk, open_page: Open) -> None:
    desk.world = World(MONDAY, samples=[])
    page = open_page("/")
    for name in ("owner", "channel", "who"):
        expect(page.locator(f"[data-filter={name}] option").first).to_have_text("All")


def test_a_restarted_server_is_read_afresh(desk: Desk, open_page: Open) -> None:
    page = open_page("/")
    until(lambda: desk.clients)
    desk.world = World(
        MONDAY, samples=[Sample("u-1", {"first_name": "Only"}, [(1, "demo_requested", {})], "search")]
    )
    desk.refuse = lambda request: 503 if request.url.path == "/v1/leads" else None
    desk.tell("hello", desk.clock() | {"reset": True})
    until(lambda: desk.requests["GET /v1/leads"] > 3)
    assert page.locator("tr.l").count() == 13, "what is shown stays while there is nothing newer"
    desk.refuse = lambda _: None
    expect(page.locator("tr.l")).to_have_count(1, timeout=15_000)


def test_words_of_any_length_stay_in_the_page(desk: Desk, open_page: Open) -> None:
    long = "W" * 240
    traits = {
        "first_name": long,
        "company": long,
        "title": f"CEO {long}",
        "employees": 240,
        "industry": "industry",
    }
    did = [
        (2, "page_view", {"title": long}),
        (1, "odd_thing", {"title": long}),
        pricing(0.7),
        (0.5, "demo_requested", {}),
    ]
    desk.world = World(MONDAY, samples=[Sample(f"é ?#%2F{long}", traits, did, "search", browser=f"a-{long}")])
    for width in (1440, 390):
        for path in ("/", "/alerts", f"/leads/{quote(next(iter(desk.world.records)))}"):
            page = open_page(path, width=width)
            expect(page.locator("main")).to_contain_text(long)
            wide = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert wide == 0, (path, width)
            page.close()


def test_columns_share_the_width_of_a_small_screen(open_page: Open) -> None:
    page = open_page("/", width=1100)
    right = "all => all.map(one => one.lastElementChild.getBoundingClientRect().right)"
    assert len(set(page.locator("tr.grp, tr.l").evaluate_all(right))) == 1
    name = page.locator("tr.l .c-who").first.bounding_box()
    assert name is not None
    assert name["width"] > 180


def test_on_a_phone_search_and_filters_share_a_line(open_page: Open) -> None:
    page = open_page("/", width=390)
    search, more = page.locator(".field.search").bounding_box(), page.locator(".btn.phone").bounding_box()
    assert search is not None
    assert more is not None
    assert search["y"] == more["y"]


def test_an_answer_that_comes_too_late_is_dropped(open_page: Open) -> None:
    page = open_page("/")
    held: list[Route] = []
    page.route("**/v1/leads?*q=cl*", lambda route: held.append(route))
    page.locator("[data-search]").fill("cl")
    expect(page).to_have_url(re.compile("q=cl$"))
    page.locator("[data-search]").fill("logis armor")
    expect(page.locator("tr.l")).to_have_count(1)
    for route in held:
        route.continue_()
    expect(page.locator("[aria-busy]")).to_have_count(0)
    expect(page.locator("tr.l")).to_have_count(1)


def test_a_slow_server_is_said(context_of: Callable[..., BrowserContext]) -> None:
    page = context_of().new_page()
    held: list[Route] = []
    page.route("**/v1/grid", lambda route: held.append(route))
    page.goto("/")
    expect(page.get_by_role("status", name="Loading")).to_be_visible()
    held[0].continue_()
    expect(page.locator("tr.l")).to_have_count(13)
    expect(page.locator(".waiting")).to_have_count(0)
