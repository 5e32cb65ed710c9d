"""Every page of the board, in every state, language, theme and width: axe finds nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page

from scorer.times import SECOND, Micros
from tests.e2e.board_arrivals import REFUSED, TAKEN, UNKNOWN
from tests.e2e.board_fixture import MONDAY, Desk
from tests.e2e.board_world import World

pytestmark = [pytest.mark.browser, pytest.mark.slow]
Stage = Callable[[Desk], None]
Act = Callable[[Page, Desk], None]


def _plain(_: Desk) -> None:
    """As it is."""


def _nobody(desk: Desk) -> None:
    desk.world = World(MONDAY, samples=())


def _catching_up(desk: Desk) -> None:
    desk.status = {"catching_up": {"counted_to": "2026-11-23T09:21:00Z"}, "rebuilding": True}


def _refused(status: int) -> Stage:
    def refuse(desk: Desk) -> None:
        desk.refuse = lambda request: None if request.url.path == "/v1/session" else status

    return refuse


def _arriving(desk: Desk) -> None:
    desk.arrivals += [TAKEN, REFUSED, UNKNOWN]


def _unfold_arrivals(page: Page, desk: Desk) -> None:
    _look(page, desk)
    page.wait_for_selector(".arrival")
    for summary in page.locator(".arrival summary").all():
        summary.click()


def _undelivered(desk: Desk) -> None:
    for alert in desk.world.alerts.values():
        alert["deliveries"] = [
            {"channel": "sales", "result": "parked", "at": alert["at"]},
            {"channel": "support", "result": "retrying", "at": alert["at"]},
        ]
    first, *_, last = desk.world.alerts.values()
    first["answer"] = {"answer": "rejected", "by": "Marc", "note": "budget in May", "at": first["at"]}
    last["answer"] = {"answer": "accepted", "by": None, "note": None, "at": last["at"]}


def _account_alert(desk: Desk) -> None:
    desk.tell_of_account("u-2041")


def _held_back(desk: Desk) -> None:
    desk.tell_of_account("u-2041", Micros(MONDAY - 3 * 3_600 * SECOND))


def looked_after(desk: Desk) -> None:
    """A lead that somebody has, with tasks in every state, and deliveries too."""
    at, due = "2026-11-23T09:00:00Z", "2026-11-23T13:00:00Z"
    states = ("open", "done", "escalated", "withdrawn")
    desk.acts = {
        "assigned": {"person": "claire", "why": "turn", "at": at, "alert": "x", "open": True},
        "tasks": [
            {"what": what, "person": "claire", "since": at, "due": due, "state": state, "by": None}
            for what, state in zip(("call", "demo", "offer", "call"), states, strict=True)
        ],
    }
    results = ("delivered", "held", "retrying", "waiting", "withdrawn", "parked")
    for alert in desk.world.alerts.values():
        alert["deliveries"] = [
            {"channel": "sales", "destination": one, "result": one, "at": at, "due": due, "reason": None}
            for one in results
        ]
        alert["deliveries"][-1]["reason"] = "Slack answered 404: make a new webhook"
        alert["deliveries"].append({"channel": "support", "result": "retrying", "at": at})


def _look(page: Page, _: Desk) -> None:
    page.wait_for_selector("main .panel")


def _look_at_plays(page: Page, _: Desk) -> None:
    page.wait_for_selector(".panel:has(#side-plays) li")


def _lose(page: Page, desk: Desk) -> None:
    _look(page, desk)
    desk.refuse = lambda request: 502 if request.url.path == "/v1/stream" else None
    desk.hang_up()
    page.wait_for_selector(".banner")


def _pause(page: Page, desk: Desk) -> None:
    _look(page, desk)
    page.keyboard.press("p")
    page.wait_for_selector(".paused-strip")


def _keys(page: Page, desk: Desk) -> None:
    _look(page, desk)
    page.keyboard.press("?")
    page.wait_for_selector("dialog[open]")


def _answer(page: Page, desk: Desk) -> None:
    _look(page, desk)
    page.locator("[data-answer]:visible").first.click()
    page.wait_for_selector(".undo")


def _fail_to_answer(page: Page, desk: Desk) -> None:
    _look(page, desk)
    desk.refuse = lambda request: 503 if request.method == "POST" else None
    page.locator("[data-answer]:visible").first.click()
    page.wait_for_selector("[data-resend]")


def _news(page: Page, desk: Desk) -> None:
    _look(page, desk)
    event = {"id": "n-1", "type": "demo_requested", "time": "2026-11-23T09:42:05Z", "lead_id": "u-0711"}
    desk.happens(event | {"properties": {}, "context": {"channel": "search"}})
    page.wait_for_selector(".pill:not([hidden])")


def _unfold(page: Page, desk: Desk) -> None:
    _look(page, desk)
    for summary in page.locator("summary").all():
        summary.click()
    page.locator(".curve:visible").focus()
    page.keyboard.press("ArrowLeft")


STATES: dict[str, tuple[str, Stage, Act]] = {
    "leads": ("/", _plain, _look),
    "leads, by name": ("/?sort=name", _plain, _look),
    "leads, first day": ("/", _nobody, _look),
    "leads, no match": ("/?q=nobody-is-called-so", _plain, _look),
    "leads, lost": ("/", _plain, _lose),
    "leads, catching up and rebuilding": ("/", _catching_up, _look),
    "leads, paused": ("/", _plain, _pause),
    "leads, shortcuts": ("/", _plain, _keys),
    "leads, answered": ("/", _plain, _answer),
    "leads, not saved": ("/", _plain, _fail_to_answer),
    "leads, news": ("/", _plain, _news),
    "leads, no right": ("/", _refused(403), _look),
    "leads, being rebuilt": ("/", _refused(503), _look),
    "lead": ("/leads/u-2041", _plain, _unfold),
    "lead, anonymous": ("/leads/a-5b91c0", _plain, _look),
    "lead, answered": ("/leads/u-2041", _plain, _answer),
    "lead, looked after": ("/leads/u-2041", looked_after, _look),
    "lead, not found": ("/leads/nobody", _plain, _look),
    "accounts": ("/accounts", _plain, _look),
    "accounts, none": ("/accounts", _nobody, _look),
    "accounts, no match": ("/accounts?q=no-company-is-called-so", _plain, _look),
    "account": ("/accounts/fonderies-castelnau.fr", _account_alert, _look),
    "account, a play held back": ("/accounts/fonderies-castelnau.fr", _held_back, _look_at_plays),
    "account, a play to come": ("/accounts/mecanord.fr", _plain, _look_at_plays),
    "alerts, of an account": ("/alerts", _account_alert, _look),
    "alerts": ("/alerts", _plain, _look),
    "alerts, undelivered": ("/alerts", _undelivered, _look),
    "alerts, none": ("/alerts", _nobody, _look),
    "alerts, not saved": ("/alerts", _plain, _fail_to_answer),
    "install": ("/install", _arriving, _unfold_arrivals),
    "install, nothing yet": ("/install", _plain, _look),
    "login": ("/login", _plain, _look),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("lang", ["fr-FR", "en-GB"])
def test_axe_finds_nothing(
    state: str, lang: str, width: int, context_of: Callable[..., BrowserContext], desk: Desk
) -> None:
    path, stage, act = STATES[state]
    stage(desk)
    page = context_of(lang=lang, width=width).new_page()
    page.goto(path)
    act(page, desk)
    found = {}
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        found[theme] = [_told(violation) for violation in Axe().run(page).response["violations"]]
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert found == {"light": [], "dark": []}
    assert wide == 0
    assert page.evaluate("document.documentElement.lang") == lang[:2]


def _told(violation: dict[str, Any]) -> str:
    places = [f"{node['target']} {node['failureSummary']}" for node in violation["nodes"][:3]]
    return f"{violation['id']}: {places}"
