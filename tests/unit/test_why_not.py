"""Why a play does not go off: each kind of play, by what the score record tells."""

from typing import Any

import pytest

from scorer.account_why_not import account_why_not
from scorer.grid import parse_grid
from scorer.plan import Plan
from scorer.times import DAY, SECOND, format_time, parse_time
from scorer.why_not import why_not

GRID = """
grid: g
version: 1
timezone: Europe/Paris
scores: {fit: {min: 0, max: 60}, engagement: {min: 0, max: 100}}
criteria:
  - {id: boss, score: fit, points: 20, lead: {title: {words: [ceo]}}}
  - {id: visit, label: {fr: Visite, en: Visit}, score: engagement, points: 10, event: page_view}
tiers: [{id: cold}, {id: warm, from: 30}, {id: hot, from: 70, requires: {fit: 10}}]
plays:
  - id: call
    when: {enters: hot}
    cooldown: 24h
    hours: {days: [mon], from: "09:00", to: "18:00"}
    do: [{alert: sales}]
  - {id: lost, when: {leaves: warm}, do: [{alert: sales}]}
  - {id: wake, when: {stays: warm, for: 14d}, cooldown: 30d, do: [{alert: sales}]}
  - {id: sixty, when: {score: {rises_to: 60}}, do: [{alert: sales}]}
  - {id: low, when: {score: {falls_below: 20, of: engagement}}, do: [{alert: sales}]}
  - {id: seen, when: {happens: visit}, do: [{alert: sales}]}
  - {id: is-boss, when: {happens: visit}, do: [{alert: sales}]}
  - {id: heats, when: {gains: 20, within: 1d}, do: [{alert: sales}]}
  - {id: frozen, when: {enters: cold}, do: [{alert: sales}]}
  - id: woken-on-mondays
    when: {stays: warm, for: 10d}
    hours: {days: [mon], from: "09:00", to: "18:00"}
    do: [{alert: sales}]
"""
HOUR = 3_600 * SECOND
PLAN = Plan(parse_grid(GRID, "g.yml"))
SINCE = parse_time("2026-11-01T09:00:00Z")  # a Sunday
NOW = SINCE + DAY * 2


def told(play: str, last: dict[str, int] | None = None, now: int = NOW, **fields: Any) -> dict[str, Any]:
    record = {
        "tier": "warm",
        "since": format_time(SINCE),
        "score": 53.2,
        "scores": {"fit": 0.0, "engagement": 53.2},
        "contributions": {},
        "as_of": format_time(now),
    }
    return next(one for one in why_not(PLAN, record | fields, last or {}, now) if one["play"] == play)


def test_the_bounds_that_are_missing_are_told_with_how_many_points() -> None:
    found = told("call")
    assert found["state"] == "missing"
    assert found["missing"] == [
        {"of": None, "needs": 70, "has": 53.2, "points": pytest.approx(16.8)},
        {"of": "fit", "needs": 10, "has": 0.0, "points": 10.0},
    ]
    assert found["when"] == {"enters": "hot"}
    assert told("sixty")["missing"] == [{"of": None, "needs": 60, "has": 53.2, "points": pytest.approx(6.8)}]


def test_what_has_begun_says_whether_it_was_told_and_what_held_it_back() -> None:
    hot = {"tier": "hot", "score": 90.0, "scores": {"fit": 20.0, "engagement": 70.0}}
    assert told("call", {"call": SINCE}, **hot) | {"alerted": True, "held_back": None} == told(
        "call", {"call": SINCE}, **hot
    )
    held = told("call", {"call": SINCE - HOUR}, **hot)
    assert (held["state"], held["alerted"], held["held_back"]) == ("holds", False, "cooldown")
    unknown = told("call", **hot)  # a changed grid, an import, or an alert that is kept no longer
    assert (unknown["alerted"], unknown["held_back"]) == (None, None)
    assert told("call", {"call": SINCE - DAY}, **hot)["alerted"] is None  # the cooldown was over by then


def test_a_cooldown_and_closed_hours_are_told_with_their_end() -> None:
    found = told("call", {"call": NOW - HOUR})
    assert found["cooldown_until"] == format_time(NOW + 23 * HOUR)
    assert found["last_at"] == format_time(NOW - HOUR)
    assert found["opens"] == "2026-11-09T08:00:00Z"  # it is Tuesday
    monday = told("call", now=SINCE + DAY)
    assert (monday["opens"], monday["cooldown_until"], monday["last_at"]) == (None, None, None)
    assert told("call", {"call": NOW - DAY})["cooldown_until"] is None


def test_what_is_to_come_would_be_held_from_then_and_not_from_now() -> None:
    found = told("woken-on-mondays")
    assert (found["at"], found["opens"]) == ("2026-11-11T09:00:00Z", "2026-11-16T08:00:00Z")


def test_a_stay_says_when_it_will_be_long_enough_or_that_it_was_told() -> None:
    assert told("wake")["at"] == format_time(SINCE + 14 * DAY)
    later = SINCE + 15 * DAY
    assert told("wake", {"wake": SINCE + 14 * DAY}, now=later)["alerted"] is True
    assert told("wake", {"wake": SINCE - DAY}, now=later)["held_back"] == "cooldown"
    assert told("wake", tier="cold", score=10.0)["missing"][0]["points"] == 20.0


@pytest.mark.parametrize(
    ("play", "fields", "state"),
    [
        ("lost", {}, "waits"),
        ("lost", {"tier": "cold"}, "elsewhere"),
        ("wake", {"tier": "hot", "score": 90.0}, "elsewhere"),
        ("frozen", {}, "elsewhere"),
        ("call", {"tier": "of-another-grid"}, "elsewhere"),
        ("call", {"score": 80.0, "scores": {"fit": 20.0, "engagement": 60.0}}, "waits"),
        ("sixty", {"score": 60.0}, "holds"),
        ("low", {}, "waits"),
        ("low", {"scores": {"fit": 0.0}}, "holds"),
        ("seen", {}, "waits"),
        ("seen", {"contributions": {"visit": 5.0}}, "waits"),
        ("heats", {}, "not_known"),
    ],
)
def test_each_kind_of_play(play: str, fields: dict[str, Any], state: str) -> None:
    assert told(play, **fields)["state"] == state


def test_a_criterion_that_holds_must_cease_first() -> None:
    away = "  - {id: away, score: fit, points: 1, absent: {for: 30d}}"
    text = GRID.replace("{id: is-boss, when: {happens: visit}", "{id: is-boss, when: {happens: away}")
    text = text.replace("tiers:", f"{away}\ntiers:")
    plan = Plan(parse_grid(text, "g.yml"))
    record = {
        "tier": "cold",
        "since": format_time(SINCE),
        "score": 1.0,
        "scores": {"fit": 1.0, "engagement": 0.0},
        "contributions": {"away": 1.0},
        "as_of": format_time(NOW),
    }
    found = {one["play"]: one for one in why_not(plan, record, {}, NOW)}
    assert found["is-boss"]["state"] == "holds"
    assert found["is-boss"]["label"] == plan.labels["away"]
    record["contributions"] = {}
    assert why_not(plan, record, {}, NOW)[6]["state"] == "waits"


@pytest.mark.parametrize(
    ("gained", "last", "state"),
    [(12.5, None, "missing"), (20.0, None, "holds"), (17.0, None, "missing"), (17.0, NOW - HOUR, "holds")],
    ids=["short", "reached", "within-the-hysteresis", "so-after-an-alert"],
)
def test_points_gained_are_told_where_they_are_known(gained: float, last: int | None, state: str) -> None:
    plan = Plan(parse_grid(GRID + "hysteresis: 5\n", "g.yml"))
    record = {"tier": "warm", "since": format_time(SINCE), "score": 53.2, "scores": {}, "contributions": {}}
    asked: list[int] = []

    def by_time(within: int) -> float:
        asked.append(within)
        return gained

    told_last = {} if last is None else {"heats": last}
    plays = why_not(plan, record | {"as_of": format_time(NOW)}, told_last, NOW, by_time)
    found = next(one for one in plays if one["play"] == "heats")
    assert (found["state"], found["gained"], asked) == (state, gained, [DAY])
    if state == "missing":
        assert found["missing"] == [{"of": None, "needs": 20, "has": gained, "points": 20 - gained}]
    else:
        assert found["alerted"] is (True if last else None)


ACCOUNTS = """
accounts: {tiers: [{id: cold}, {id: hot, from: 60}]}
"""
OF_ACCOUNTS = """
plays:
  - {id: big, when: {account: {enters: hot}}, cooldown: 7d, do: [{alert: sales}]}
  - {id: gone, when: {account: {leaves: hot}}, do: [{alert: sales}]}
  - {id: stuck, when: {account: {stays: hot, for: 5d}}, do: [{alert: sales}]}
"""


def of_account(accounts: str = ACCOUNTS, **fields: Any) -> list[dict[str, Any]]:
    plan = Plan(parse_grid(GRID.partition("plays:")[0] + accounts + OF_ACCOUNTS, "g.yml"))
    row = {"score": 75.0, "tier": "hot", "since": format_time(SINCE)} | fields
    return account_why_not(plan, row, {"big": SINCE}, NOW)


@pytest.mark.parametrize(
    ("fields", "states"),
    [
        ({"tier": "cold", "score": 45.0}, ["missing", "elsewhere", "missing"]),
        ({}, ["holds", "waits", "comes"]),
        ({"since": format_time(SINCE - 4 * DAY)}, ["holds", "waits", "holds"]),
        ({"since": None}, ["not_known"] * 3),
        ({"accounts": "", "tier": "warm"}, ["waits", "elsewhere", "waits"]),
    ],
    ids=["cold", "hot", "long-hot", "not-kept", "by-its-leads"],
)
def test_each_kind_of_play_of_accounts(fields: dict[str, Any], states: list[str]) -> None:
    assert [one["state"] for one in of_account(**fields)] == states


def test_what_plays_of_accounts_wait_for() -> None:
    assert of_account(tier="cold", score=45.0)[0]["missing"] == [
        {"of": None, "needs": 60, "has": 45.0, "points": 15.0}
    ]
    big, _, stuck = of_account()
    assert (big["alerted"], big["last_at"]) == (True, format_time(SINCE))
    assert stuck["at"] == format_time(SINCE + 5 * DAY)
    assert of_account("", tier="warm")[0]["lead"] == "hot"
