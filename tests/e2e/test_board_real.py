"""The board over the whole product: facts sent to the gateway show, alert, and are answered."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.integration.up_running import Up, running
from tests.streaming import until

pytestmark = [pytest.mark.browser, pytest.mark.embedded, pytest.mark.slow]
LATE = 30_000
"""Milliseconds that a busy machine may take."""


@pytest.fixture(scope="module")
def up() -> Iterator[Up]:
    """All of LeadHeat on this machine."""
    with running() as started:
        yield started


@pytest.fixture
def signed_in(up: Up, chromium: Browser) -> Iterator[Callable[[str], Page]]:
    """Opens a page as a reader who signs in at the door."""
    context = chromium.new_context(locale="en-GB", timezone_id="Europe/Paris", base_url=up.url)
    context.set_default_timeout(LATE)
    errors: list[str] = []

    def opened(path: str) -> Page:
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(path)
        page.get_by_label("Your name").fill("Inès Caron")
        page.get_by_label("Read key").fill(up.said("read key"))
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_selector("main .panel")
        return page

    yield opened
    context.close()
    assert errors == []


def test_from_the_first_fact_to_the_answer(up: Up, signed_in: Callable[[str], Page]) -> None:
    page = signed_in("/")
    expect(page.locator("main")).to_contain_text("No fact received yet", timeout=LATE)
    who = {"first_name": "Claire", "last_name": "Delaunay", "title": "CEO", "company": "Fonderies Castelnau"}
    traits = who | {"employees": 240, "industry": "industry", "email": "c.delaunay@fonderies-castelnau.fr"}
    pricing = {"url": "https://www.exemple.fr/tarifs", "title": "Tarifs"}
    up.send(
        {"id": "1", "type": "identify", "lead_id": "u-1", "anonymous_id": "a-1", "traits": traits},
        {"id": "2", "type": "page_view", "anonymous_id": "a-1", "properties": pricing},
    )
    row = page.locator("tr[data-id=u-1]")
    expect(row).to_contain_text("Claire Delaunay", timeout=LATE)
    up.send({"id": "3", "type": "demo_requested", "lead_id": "u-1"})
    expect(page.locator(".side [data-count=alerts]")).to_contain_text("1", timeout=LATE)
    expect(row.locator(".c-why")).to_contain_text("Asked for a demo", timeout=LATE)
    row.locator("[data-answer=accepted]").click()
    expect(row.locator("[data-undo]")).to_be_visible()

    # Until the visitor's own record is gone, its page is another's, which says that it has moved on.
    def moved_on() -> tuple[int, str]:
        answer = page.request.get("/v1/leads/a-1")
        return answer.status, answer.text()

    until(lambda: '"lead_id":"u-1"' in moved_on()[1], LATE / 1_000, lambda: f"{moved_on()}\n{up.err[-20:]}")
    page.goto("/leads/a-1")
    expect(page.locator("h1")).to_have_text("Claire Delaunay", timeout=LATE)
    expect(page.locator("[data-change=hot]")).to_contain_text("Asked for a demo", timeout=LATE)
    expect(page.locator(".panel:has(#side-alerts)")).to_contain_text("Taken by you")
    expect(page.locator("tr[data-criterion=pricing-page]")).to_contain_text("once: today")

    page.goto("/alerts")
    expect(page.locator("[data-alert]")).to_contain_text("Taken by you", timeout=LATE)
    page.goto("/install")
    expect(page.locator(".arrival").first).to_contain_text("event understood", timeout=LATE)
    page.request.post("/v1/events", data={"type": "page_view"}, headers={"Authorization": "Bearer wrong"})
    expect(page.locator(".arrival").first).to_contain_text("the write key is not known here", timeout=LATE)
    page.goto("/leads/nobody")
    expect(page.locator("h1")).to_have_text("There is no such lead", timeout=LATE)
