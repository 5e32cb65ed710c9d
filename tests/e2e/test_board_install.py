"""The page of arrivals: what was sent beside what was understood, what was refused and why, live."""

import pytest
from playwright.sync_api import expect

from tests.e2e.board_arrivals import REFUSED, TAKEN, UNKNOWN
from tests.e2e.board_fixture import Desk
from tests.e2e.conftest import Open

pytestmark = pytest.mark.browser


def test_what_arrives_shows_at_once_newest_first(desk: Desk, open_page: Open) -> None:
    desk.arrivals.append(TAKEN)
    page = open_page("/install")
    items = page.locator(".arrival")
    expect(items).to_have_count(1)
    desk.arrivals += [REFUSED, UNKNOWN]
    expect(items).to_have_count(3)
    expect(items.nth(0)).to_contain_text("The gateway has nothing at this address")
    expect(items.nth(1)).to_contain_text("the write key is not known here")
    expect(items.nth(2)).to_contain_text("1 event understood")
    items.nth(2).locator("summary").click()
    expect(items.nth(2)).to_contain_text('"url": "/pricing"')
    expect(items.nth(2)).to_contain_text("event 2: lead_id, anonymous_id: the event names nobody")
    expect(page.locator(".page-head .sub")).to_have_text("3 requests, live")


def test_one_source_or_what_was_refused(desk: Desk, open_page: Open) -> None:
    desk.arrivals += [TAKEN, REFUSED, UNKNOWN]
    page = open_page("/install?lang=fr")
    items = page.locator(".arrival")
    expect(items).to_have_count(3)
    page.get_by_role("button", name="segment").click()
    expect(items).to_have_count(1)
    page.get_by_role("button", name="Refusées").click()
    expect(items).to_have_count(3)  # one event of the first was refused too
    desk.arrivals.append(TAKEN | {"at": "2026-11-23T09:43:00Z", "rejected": [], "refused": 0})
    expect(page.locator("[data-source=''] .c")).to_have_text("4")
    expect(items).to_have_count(3)


def test_by_which_key_it_came(desk: Desk, open_page: Open) -> None:
    before_there_were_names = {name: one for name, one in TAKEN.items() if name != "source"}
    desk.arrivals += [before_there_were_names, TAKEN | {"key": None, "source": "crm <b>"}, REFUSED]
    page = open_page("/install")
    lines = page.locator(".arrival summary")
    expect(lines.filter(has_text="events · key 1 · POST /v1/events")).to_have_count(1)
    expect(lines.filter(has_text="events · source crm <b> · POST /v1/events")).to_have_count(1)
    expect(lines.filter(has_text="segment · POST /v1/t")).to_have_count(1)


def test_a_pause_holds_what_arrives(desk: Desk, open_page: Open) -> None:
    desk.arrivals.append(TAKEN)
    page = open_page("/install")
    expect(page.locator(".arrival")).to_have_count(1)
    page.keyboard.press("p")
    desk.arrivals.append(REFUSED)
    expect(page.locator(".paused-strip")).to_contain_text("1")
    expect(page.locator(".arrival")).to_have_count(1)
    page.keyboard.press("p")
    expect(page.locator(".arrival")).to_have_count(2)


def test_a_snippet_for_each_tracker_with_the_host_that_is_typed(open_page: Open) -> None:
    page = open_page("/install")
    code = page.locator(".how pre")
    expect(code).to_contain_text("/v1/events")
    page.get_by_label("Tracker").select_option("Snowplow")
    page.get_by_label("Gateway’s host").fill("leads.acme.example")
    expect(code).to_have_text('newTracker("sp1", "http://leads.acme.example", { appId: "my-site" })')
    expect(page.locator(".how")).to_contain_text("LEADHEAT_WRITE_KEYS=snowplow:my-site")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator(".how [data-copy]").click()
    expect(page.locator(".how [data-copy]")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == code.inner_text()
    page.reload()
    expect(page.get_by_label("Tracker")).to_have_value("Snowplow")


def test_nothing_sent_is_read_as_markup(desk: Desk, open_page: Open) -> None:
    mark = "<img src=x onerror=\"document.title='owned'\">"
    desk.arrivals.append(TAKEN | {"body": mark, "path": mark, "query": [[mark, mark]], "error": mark})
    page = open_page("/install")
    page.locator(".arrival summary").click()
    expect(page.locator(".tolds")).to_contain_text(mark)
    assert page.locator(".arrival img").count() == 0
    assert "owned" not in page.title()
