"""Consent: purposes apart from each other, a withdrawal that acts at once, and what trackers tell of it."""

import itertools
import json
from typing import Any

import pytest
import yaml

from connectors.ingest.mapping import PLAIN
from connectors.ingest.segment_events import Arrival, consent_told, translate
from scorer.files import score_lines
from scorer.grid import parse_grid
from scorer.plan import Plan
from scorer.times import SECOND, Micros, format_time, parse_time
from tests.oracle import naive_score
from tests.partitioned import Stream

GRID = """
grid: consenting
version: 1
scores: {engagement: {min: 0, max: 100}}
half_life: never
criteria:
  - {id: opens, score: engagement, points: 10, event: email_open, lead: {consent.email: true}}
  - {id: views, score: engagement, points: 20, event: page_view, lead: {consent.tracking: true}}
  - {id: agreed, score: engagement, points: 1, event: page_view, where: {context.consent.tracking: true}}
tiers: [{id: cold}, {id: warm, from: 15}]
"""
T0 = parse_time("2026-11-02T09:00:00Z")


def told(second: int, kind: str, **more: Any) -> dict[str, Any]:
    at = format_time(T0 + second * SECOND)
    return {"id": f"{kind}-{second}", "type": kind, "lead_id": "u-1", "time": at, **more}


def chosen(second: int, **purposes: Any) -> dict[str, Any]:
    return told(second, "identify", traits={"consent": purposes})


def score_at(second: int, *events: dict[str, Any]) -> float:
    """By the scorer and by the oracle, which must agree."""
    lines = [("f.jsonl", number, json.dumps(event).encode()) for number, event in enumerate(events, 1)]
    at = T0 + second * SECOND
    (record,) = score_lines(lines, Plan(parse_grid(GRID)), at)
    grid = yaml.safe_load(GRID)
    (naive,) = naive_score(lines, grid, at)
    assert (record["score"], record["traits"]) == (naive["score"], naive["traits"])
    found: float = record["score"]
    return found


def test_a_withdrawal_takes_the_points_at_once_and_other_purposes_keep_theirs() -> None:
    events = [
        chosen(0, tracking=True, email=True, at="2026-11-02T09:00:00Z"),
        told(1, "email_open"),
        told(2, "page_view"),
        chosen(10, tracking=False),
    ]
    assert score_at(9, *events) == 30
    assert score_at(10, *events) == 10
    assert score_at(20, *events, chosen(20, tracking=True)) == 30


def test_each_purpose_by_its_own_time_whatever_the_order_of_arrival() -> None:
    events = [
        chosen(0, tracking=True, email=True),
        told(1, "email_open"),
        told(2, "page_view"),
        chosen(10, tracking=False),
        chosen(5, tracking=True),
        told(11, "identify", traits={"consent.email": False}),
    ]
    found = {score_at(20, *order) for order in itertools.permutations(events)}
    assert found == {0}


def test_no_consent_asked_for_is_none_given() -> None:
    assert score_at(9, told(1, "page_view")) == 0
    assert score_at(9, told(1, "page_view"), chosen(2, tracking="yes")) == 0
    assert score_at(9, told(1, "page_view", context={"consent": {"tracking": True}})) == 1


def test_in_the_stream_too_and_the_tier_with_it() -> None:
    stream = Stream(Plan(parse_grid(GRID)))
    for event in (chosen(0, tracking=True), told(1, "page_view")):
        stream.publish(json.dumps(event).encode(), T0 + SECOND)
        stream.drain()
    assert (stream.scores["u-1"]["score"], stream.scores["u-1"]["tier"]) == (20, "warm")
    stream.publish(json.dumps(chosen(5, tracking=False)).encode(), T0 + 5 * SECOND)
    stream.drain()
    record = stream.scores["u-1"]
    assert (record["score"], record["tier"], record["traits"]) == (0, "cold", {"consent.tracking": False})


ARRIVAL = Arrival(received=Micros(T0))


def event(**message: Any) -> dict[str, Any]:
    return translate({"messageId": "m-1", "userId": "u-1", "anonymousId": "a-1", **message}, ARRIVAL, PLAIN)


@pytest.mark.parametrize(
    "context",
    [
        {"consent": {"categoryPreferences": {"Advertising": False, "Analytics": True}}},
        {"consent": {"advertising": False, "analytics": True, "more": {"x": 1}}},
        {"consentManagement": {"allowedConsentIds": ["Analytics"], "deniedConsentIds": ["Advertising"]}},
    ],
)
def test_what_a_tracker_s_context_says_stays_with_the_event(context: dict[str, Any]) -> None:
    found = event(type="page", context=context)
    assert found["context"]["consent"] == {"advertising": False, "analytics": True}
    assert "traits" not in found and consent_told(found) is None
    assert event(type="identify", context=context)["traits"]["consent"] == found["context"]["consent"]


def test_a_changed_choice_is_an_identify_that_ties_nobody() -> None:
    context = {"consent": {"categoryPreferences": {"Advertising": False}}}
    changed = event(type="track", event="Segment Consent Preference Updated", context=context)
    assert changed["type"] == "segment_consent_preference_updated"
    choice = consent_told(changed)
    assert choice is not None
    assert {name: choice.get(name) for name in ("id", "type", "lead_id", "anonymous_id", "traits")} == {
        "id": "m-1:consent",
        "type": "identify",
        "lead_id": "u-1",
        "anonymous_id": None,
        "traits": {"consent": {"advertising": False}},
    }
    nobody = consent_told({**changed, "lead_id": "null"})
    assert nobody is not None
    assert (nobody.get("lead_id"), nobody["anonymous_id"]) == (None, "a-1")


@pytest.mark.parametrize(
    "context",
    [
        {},
        {"consent": None},
        {"consent": "yes"},
        {"consent": {"categoryPreferences": {}}},
        {"consent": {"a": []}},
    ],
)
def test_what_says_nothing_changes_nothing(context: dict[str, Any]) -> None:
    found = event(type="track", event="Segment Consent Preference Updated", context=context)
    assert consent_told(found) is None and "consent" not in found["context"]
