"""The board's accounts: the list, one of them, the way there, and what comes while they are looked at."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.board_fixture import Desk, until

pytestmark = [pytest.mark.browser, pytest.mark.slow]
Open = Callable[..., Page]
FOUNDRY = "fonderies-castelnau.fr"


def test_a_lead_leads_to_its_account_and_back(open_page: Open) -> None:
    page = open_page("/leads/u-2041")
    page.locator(".lead-id a").click()
    expect(page.locator("h1")).to_have_text("Fonderies Castelnau")
    assert page.url.endswith(f"/accounts/{FOUNDRY}")
    assert "Fonderies Castelnau" in page.title()
    page.locator("[data-id=u-2041] a.who").click()
    expect(page.locator("h1")).to_have_text("Claire Delaunay")


def test_the_list_is_found_narrowed_and_remembered(open_page: Open) -> None:
    page = open_page("/")
    page.locator(".side nav a[href='/accounts']").click()
    page.wait_for_selector("[data-account]")
    all_of_them = page.locator("[data-account]").count()
    page.locator("[data-tier=hot]").click()
    expect(page.locator("[data-tier=hot]")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("[data-account] .a-tier .t-hot").first).to_be_visible()
    assert 0 < page.locator("[data-account]").count() < all_of_them
    page.reload()
    page.wait_for_selector("[data-account]")
    assert page.locator("[data-account] .a-tier .tier:not(.t-hot)").count() == 0
    page.keyboard.press("/")
    page.keyboard.type("no company is called so")
    page.locator("[data-state=no_account_match] button").click()
    expect(page.locator("[data-account]")).to_have_count(all_of_them)


def test_what_comes_is_shown_where_it_stands_and_what_is_new_is_counted(open_page: Open, desk: Desk) -> None:
    page = open_page("/accounts", wait="[data-account]")
    account = desk.accounts([FOUNDRY], None)  # type: ignore[arg-type]
    assert account is not None
    until(lambda: desk.clients)
    desk.tell("account", account | {"score": 12.5, "tier": "cold"})
    row = page.locator(f"[data-account='{FOUNDRY}']")
    expect(row.locator(".score")).to_have_text("12.5")
    expect(row.locator(".a-tier .tier")).to_have_text("Cold")
    desk.tell("account", account | {"account": "new.example"})
    expect(page.locator(".pill")).to_contain_text("1 account changed")


def test_an_accounts_alert_says_the_account_and_its_leads(open_page: Open, desk: Desk) -> None:
    desk.tell_of_account("u-2041")
    page = open_page("/alerts", lang="fr-FR")
    row = page.locator("[data-alert=account-alert]")
    expect(row.locator("a.who")).to_have_attribute("href", f"/accounts/{FOUNDRY}")
    expect(row.locator("a.who")).to_have_text("Fonderies Castelnau")
    expect(row.locator(".why a")).to_have_text("Claire Delaunay")
    expect(row.locator("[data-answer=accepted]")).to_be_visible()
