"""The stories of the example grid: an event log each, and its score and reasons worked out by hand."""

from itertools import pairwise
from math import log2
from pathlib import Path
from typing import Any

import pytest

from scorer.event import decode
from scorer.files import read_lines, score_lines, transitions
from scorer.grid import load_grid, parse_grid
from scorer.plan import Plan
from scorer.times import DAY, ceil_second, format_time, parse_time
from tests.partitioned import Stream

Json = dict[str, Any]

_HERE = Path(__file__).parent
_GRID = load_grid(_HERE.parents[1] / "deploy" / "grids" / "b2b-fr.yml")
_PLAN = Plan(_GRID)
_LABELS = {criterion.id: criterion.label for criterion in _GRID.criteria}


def _log(story: str) -> list[tuple[str, int, bytes]]:
    return list(read_lines([_HERE / f"{story}.jsonl"]))


def _scored(story: str, at: str) -> dict[str, Json]:
    return {record["lead_id"]: record for record in score_lines(_log(story), _PLAN, parse_time(at))}


def _walked(story: str, until: str) -> list[tuple[str, str, str]]:
    steps = transitions(_log(story), _PLAN, parse_time(until))
    return [(step["from"], step["to"], step["at"]) for step in steps]


def _streamed(story: str, until: str, plan: Plan = _PLAN) -> list[Json]:
    """The alerts of the log as a stream, each event arriving when it happens, then only time passing."""
    stream = Stream(plan)
    found = [_time_and_line(line) for _, _, line in _log(story)]
    for (at, line), (following, _) in pairwise([*found, (parse_time(until), b"")]):
        stream.publish(line, at)
        stream.drain()
        stream.advance(following)
    return sorted(stream.alerts.values(), key=lambda alert: alert["at"])


def _time_and_line(line: bytes) -> tuple[int, bytes]:
    moment = decode(line).moment
    assert moment is not None
    return moment, line


def test_every_criterion_is_labelled_in_both_languages() -> None:
    assert all(set(label) >= {"fr", "en"} and all(label.values()) for label in _LABELS.values())


def test_a_managing_director_of_a_100_person_company_on_the_crm_page_gains_15() -> None:
    found = _scored("managing_director", "2026-10-05T09:00:00Z")
    assert found["u-castelnau"]["contributions"] == {
        "ceo-reads-crm": 15,
        "decision-maker": 20,
        "company-size": 15,
    }
    assert found["u-castelnau"]["score"] == 50
    assert found["u-english"]["contributions"]["ceo-reads-crm"] == 15
    assert _LABELS["ceo-reads-crm"]["fr"] == "Dirigeant, a lu « Intégration CRM »"
    half_a_life_later = _scored("managing_director", "2026-10-19T09:00:00Z")
    assert half_a_life_later["u-castelnau"]["contributions"]["ceo-reads-crm"] == pytest.approx(7.5)


@pytest.mark.parametrize("lead", ["u-99", "u-assistant"])
def test_neither_a_smaller_company_nor_an_assistant_gains_them(lead: str) -> None:
    found = _scored("managing_director", "2026-10-05T09:00:00Z")
    assert "ceo-reads-crm" not in found[lead]["contributions"]


def test_no_valid_work_email_costs_10() -> None:
    found = _scored("no_work_email", "2026-10-05T09:00:00Z")
    assert {lead: record["contributions"] for lead, record in found.items()} == {
        "u-work": {},
        "u-free": {"no-work-email": -10},
        "u-disposable": {"no-work-email": -10},
        "u-invalid": {"no-work-email": -10},
        "u-missing": {"no-work-email": -10},
    }
    assert found["u-free"]["score"] == -10


def test_a_demo_email_opened_again_gains_20() -> None:
    found = _scored("demo_mail_again", "2026-10-07T08:00:00Z")
    assert found["u-again"]["contributions"] == {"demo-mail-again": 20, "no-work-email": -10}
    for lead in ("u-once", "u-newsletter", "u-a-week-later"):
        assert "demo-mail-again" not in found[lead]["contributions"]


def test_a_whitepaper_and_the_pricing_page_gain_12_and_10_and_fade_by_their_own_half_lives() -> None:
    at_once = _scored("whitepaper_and_pricing", "2026-10-05T09:00:00Z")
    assert at_once["u-paper"]["contributions"] == {"whitepaper": 12, "pricing-page": 10, "no-work-email": -10}
    assert at_once["u-guide"]["contributions"] == {"guide": 8, "no-work-email": -10}
    three_weeks_later = _scored("whitepaper_and_pricing", "2026-10-26T09:00:00Z")
    assert three_weeks_later["u-paper"]["contributions"] == pytest.approx(
        {"whitepaper": 12 / 2, "pricing-page": 10 / 8, "no-work-email": -10}
    )


def test_visits_on_three_days_gain_10_and_three_on_one_day_nothing() -> None:
    found = _scored("recurring_visits", "2026-10-13T09:00:00Z")
    assert found["u-three-days"]["contributions"] == {"back-three-days": 10, "no-work-email": -10}
    assert found["u-one-day"]["contributions"] == {"no-work-email": -10}
    ended = _scored("recurring_visits", "2026-10-15T09:00:00Z")  # the first day leaves the window of 14
    assert ended["u-three-days"]["contributions"] == {"no-work-email": -10}


def test_a_return_within_5_days_gains_10_and_days_are_those_of_paris() -> None:
    found = _scored("recurring_visits", "2026-10-12T22:01:00Z")  # a minute past midnight in Paris
    assert found["u-over-midnight"]["contributions"] == {"back-soon": 10, "no-work-email": -10}
    assert "back-soon" not in found["u-three-days"]["contributions"]


def test_time_on_the_pricing_page_gains_2_a_minute_up_to_20() -> None:
    found = _scored("pricing_time", "2026-10-05T09:00:00Z")
    assert found["u-reads"]["contributions"]["pricing-time"] == pytest.approx(222 / 60 * 2)
    assert found["u-lunch"]["contributions"]["pricing-time"] == 20
    assert "pricing-time" not in found["u-elsewhere"]["contributions"]
    assert "pricing-time" not in found["u-no-figure"]["contributions"]


def test_a_student_on_the_blog_stays_cold() -> None:
    assert _walked("student", "2026-11-01T00:00:00Z") == []
    [record] = _scored("student", "2026-10-05T18:00:00Z").values()
    assert record["tier"] == "cold"
    assert record["contributions"]["student"] == -30
    assert record["scores"]["fit"] == 15 - 10 - 30
    assert _streamed("student", "2026-11-01T00:00:00Z") == []


def test_an_anonymous_visitor_who_comes_back_and_says_who_it_is_is_hot_at_70_and_sales_is_alerted() -> None:
    moment = "2026-10-08T09:00:00Z"
    [record] = _scored("anonymous_to_hot", moment).values()
    assert record["contributions"] == pytest.approx(
        {
            "decision-maker": 20,
            "company-size": 15,
            "target-industry": 10,
            "back-soon": 10,
            "guide": 8,
            "pricing-page": 10 * 2 ** (-3 / 7),
        }
    )
    assert 70 <= record["score"] == pytest.approx(63 + 10 * 2 ** (-3 / 7))
    assert (record["lead_id"], record["tier"], record["since"]) == ("u-benali", "hot", moment)
    assert record["identities"] == ["u-benali", "a-7f3e"]

    [alert] = _streamed("anonymous_to_hot", moment)
    assert (alert["play"], alert["lead_id"], alert["to"], alert["at"]) == (
        "call-now",
        "u-benali",
        "hot",
        moment,
    )
    assert {"alert": "sales"} in alert["do"]
    assert alert["score"] == pytest.approx(record["score"])
    assert [reason["criterion"] for reason in alert["reasons"]] == [
        "decision-maker",
        "company-size",
        "back-soon",
        "target-industry",
        "guide",
    ]
    assert alert["reasons"][0]["label"] == {"fr": "Décideur", "en": "Decision maker"}


_WATCHING = """
  - {id: reads-prices, when: {happens: pricing-page}, do: [{webhook: prices}]}
  - {id: heats-up, when: {gains: 20, within: 1d}, hours: always, do: [{alert: sales}]}
  - {id: over-50, when: {score: {rises_to: 50}}, expires: 2h, do: [{task: {call: now, within: 4h}}]}
  - {id: below-55, when: {score: {falls_below: 55}}, do: [{nurture: {start: keep-warm}}]}
hours: {days: [mon, tue, wed, thu, fri], from: "14:00", to: "18:00", holidays: FR}
"""


def test_the_same_visitor_watched_by_plays_of_every_kind() -> None:
    text = (_HERE.parents[1] / "deploy" / "grids" / "b2b-fr.yml").read_text()
    plan = Plan(parse_grid(text.rstrip() + _WATCHING))
    told = _streamed("anonymous_to_hot", "2026-12-31T00:00:00Z", plan)
    ten = "2026-10-08T09:00:00Z"
    assert {one["play"]: (one["at"], one["to"], one.get("due"), one.get("expires")) for one in told} == {
        "reads-prices": ("2026-10-05T09:00:00Z", "cold", "2026-10-05T12:00:00Z", None),
        "heats-up": (ten, "warm", None, None),
        "call-now": (ten, "hot", "2026-10-08T12:00:00Z", None),
        "over-50": (ten, "hot", "2026-10-08T12:00:00Z", "2026-10-08T11:00:00Z"),
        "nurture": ("2026-10-10T09:00:00Z", "warm", "2026-10-12T12:00:00Z", None),
        "below-55": ("2026-10-15T11:41:45.054954Z", "warm", "2026-10-15T12:00:00Z", None),
        "wake-up": ("2026-10-24T09:00:00Z", "warm", "2026-10-26T13:00:00Z", None),
    }


def test_a_lead_left_alone_cools_by_a_timer_and_goes_to_nurturing() -> None:
    asked = parse_time("2026-10-05T09:00:00Z")
    cools = asked + 14 * DAY * log2(30 / 20)  # fit 45 and a demo asked for: below 65 once 30 have faded to 20
    moment = format_time(ceil_second(int(cools)))
    until = format_time(asked + 20 * DAY)
    steps = _walked("left_alone", until)
    assert steps[-1] == ("hot", "warm", moment)
    [record] = _scored("left_alone", "2026-10-05T10:00:00Z").values()
    assert record["next_tier"]["tier"] == "warm"
    assert abs(parse_time(record["next_tier"]["at"]) - cools) < 2_000_000

    alerts = _streamed("left_alone", until)
    assert [(alert["play"], alert["from"], alert["to"]) for alert in alerts] == [
        ("call-now", "warm", "hot"),
        ("nurture", "hot", "warm"),
    ]
    nurture = alerts[-1]
    assert nurture["do"] == [{"nurture": "keep-warm"}]
    assert abs(parse_time(nurture["at"]) - cools) < 2_000_000
    assert nurture["score"] == pytest.approx(65)
