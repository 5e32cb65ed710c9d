"""The board's accounts: the list, one of them, the way there, and what comes while they are looked at."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from scorer.grid import parse_grid
from scorer.times import SECOND, Micros, parse_time
from tests.e2e.board_fixture import MONDAY, Desk, until
from tests.e2e.board_world import GRID

pytestmark = [pytest.mark.browser, pytest.mark.slow]
Open = Callable[..., Page]
Read = Callable[..., list[str]]
FOUNDRY = "fonderies-castelnau.fr"
HOT_SINCE = parse_time("2026-11-23T09:06:00Z")
"""When the foundry's hottest lead became hot."""
LANGUAGES = pytest.mark.parametrize("lang", ["fr-FR", "en-GB"])


@pytest.fixture
def plays_of(context_of: Callable[..., BrowserContext]) -> Iterator[Read]:
    """What an account's page says of each of its plays; whatever the console complains of fails."""
    complaints: list[str] = []

    def read(account: str, lang: str = "en-GB") -> list[str]:
        page = context_of(lang=lang).new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console", lambda one: complaints.append(one.text) if one.type in ("error", "warning") else None
        )
        page.goto(f"/accounts/{account}")
        title = "Pourquoi une alerte, ou non" if lang == "fr-FR" else "Why an alert, or not"
        plays: Locator = page.get_by_role("region", name=title).get_by_role("listitem")
        plays.first.wait_for()
        return [" ".join(one.split()) for one in plays.all_inner_texts()]

    yield read
    assert complaints == []


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


@LANGUAGES
def test_an_accounts_page_says_of_each_play_what_it_waits_for(lang: str, plays_of: Read) -> None:
    cooled = {
        "fr-FR": [
            "Account hot Partira quand un de ses leads sera Chaud.",
            "Account cools Ne part pas de ce niveau.",
            "Account hesitates Partira le ven. 27 nov., 0 h 36, si rien ne change. "
            "Serait retenue jusqu’au ven. 27 nov., 14 h 00 : hors des horaires.",
        ],
        "en-GB": [
            "Account hot Goes off when one of its leads is Hot.",
            "Account cools Does not go off from this tier.",
            "Account hesitates Goes off on Fri 27 Nov, 00:36 if nothing changes. "
            "Would be held until Fri 27 Nov, 14:00: out of hours.",
        ],
    }
    assert plays_of("mecanord.fr", lang) == cooled[lang]
    stay = {
        "fr-FR": "Account hesitates Partira quand un de ses leads aura été Tiède pendant 14 j.",
        "en-GB": "Account hesitates Goes off once one of its leads has been Warm for 14 d.",
    }
    assert plays_of("delmas-emballages.fr", lang)[2].startswith(stay[lang])


@LANGUAGES
def test_an_accounts_page_says_of_a_play_when_it_went_off_and_how_soon_it_may_again(
    lang: str, plays_of: Read, desk: Desk
) -> None:
    unknown = {
        "fr-FR": "Account hot C’est déjà le cas, sans alerte connue.",
        "en-GB": "Account hot Already so, with no alert known.",
    }
    assert plays_of(FOUNDRY, lang)[0] == unknown[lang]
    desk.tell_of_account("u-2041", HOT_SINCE)
    wanted = {
        "fr-FR": "Account hot A donné une alerte le lun. 23 nov., 10 h 06. "
        "Pas avant le mar. 24 nov., 10 h 06 : délai entre deux alertes.",
        "en-GB": "Account hot Gave an alert on Mon 23 Nov, 10:06. "
        "Not before Tue 24 Nov, 10:06: time between two alerts.",
    }
    assert plays_of(FOUNDRY, lang)[0] == wanted[lang]


@LANGUAGES
def test_an_accounts_page_says_of_a_play_that_was_held_back_why(
    lang: str, plays_of: Read, desk: Desk
) -> None:
    desk.tell_of_account("u-2041", Micros(HOT_SINCE - 3_600 * SECOND))
    wanted = {
        "fr-FR": "Account hot Pas d’alerte le lun. 23 nov., 10 h 06 : trop tôt après la précédente.",
        "en-GB": "Account hot No alert on Mon 23 Nov, 10:06: too soon after the one before.",
    }
    assert plays_of(FOUNDRY, lang)[0] == wanted[lang]


def test_where_accounts_have_tiers_of_their_own_the_points_that_are_missing_are_told(
    plays_of: Read, desk: Desk
) -> None:
    own = (
        "accounts: {tiers: [{id: hot}, {id: key, from: 120}]}\n"
        "plays: [{id: key-account, when: {account: {enters: key}}, do: [{alert: sales}]}]\n"
    )
    desk.world.grid = parse_grid(GRID.read_text().partition("plays:")[0] + own, "own.yml")
    assert plays_of(FOUNDRY) == ["Key account Missing: 20.4 points."]


def test_an_accounts_alert_is_not_counted_or_answered_as_its_leads(open_page: Open, desk: Desk) -> None:
    page = open_page("/")
    said, calls = page.locator(".page-head p"), page.locator("tr.l.g-now")
    before = said.inner_text(), calls.count()
    desk.tell_of_account("u-2041", Micros(HOT_SINCE - 3_600 * SECOND))
    page.reload()
    page.wait_for_selector("main .panel")
    assert (said.inner_text(), calls.count()) == before
    page.locator("tr[data-id=u-2041] [data-answer=accepted]").click()
    until(lambda: desk.answers)
    assert desk.world.alerts[desk.answers[0]["alert_id"]]["play"] == "call-now"


def test_a_leads_page_answers_its_own_alert_and_not_its_accounts_newer_one(
    open_page: Open, desk: Desk
) -> None:
    desk.tell_of_account("u-2041", MONDAY)
    page = open_page("/leads/u-2041")
    expect(page.locator(".panel:has(#side-alerts)")).not_to_contain_text("Account hot")
    page.locator("[data-answer=accepted]:visible").first.click()
    until(lambda: desk.answers)
    assert desk.world.alerts[desk.answers[0]["alert_id"]]["play"] == "call-now"
