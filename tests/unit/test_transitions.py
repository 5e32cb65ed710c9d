"""Tiers that change by time alone, where one score rises while the total falls."""

import json

import pytest

from scorer.files import score_lines, transitions
from scorer.grid import parse_grid
from scorer.plan import Plan
from scorer.times import DAY, parse_time

GRID = """\
grid: g
version: 1
scores: {{fit: , use: }}
criteria:
  - {{id: good, score: fit, points: 20, event: good}}
  - {{id: bad, score: fit, points: -20, event: bad, half_life: 1d}}
  - {{id: view, score: use, points: 100, event: view, half_life: 1d}}
tiers: [{{id: cold}}, {{id: hot, {bound}requires: {{fit: 10}}}}]
"""
T0 = parse_time("2026-11-02T00:00:00Z")
LOG = [
    ("log", number, json.dumps({"type": name, "lead_id": "u", "time": "2026-11-02T00:00:00Z"}).encode())
    for number, name in enumerate(("bad", "good", "view"), 1)
]


@pytest.mark.parametrize(
    ("bound", "leaves"), [("", None), ("from: 10, ", None), ("from: 60, ", "2026-11-03T00:00:01Z")]
)
def test_a_tier_is_entered_when_what_it_requires_is_reached(bound: str, leaves: str | None) -> None:
    plan = Plan(parse_grid(GRID.format(bound=bound)))
    # in a day fit rises from 0 to 10 and the total falls from 100 to 60; a bound holds from 1e-9 below it
    (record,) = score_lines(LOG, plan, T0)
    assert record["next_tier"] == {"tier": "hot", "at": "2026-11-02T23:59:59.999988Z"}
    steps = [(step["to"], step["at"]) for step in transitions(LOG, plan, T0 + 30 * DAY)]
    assert steps == [("hot", "2026-11-03T00:00:00Z")] + ([("cold", leaves)] if leaves else [])


def test_a_tier_whose_bounds_are_missed_by_a_hair_is_never_entered() -> None:
    plan = Plan(parse_grid(GRID.format(bound="from: 60.00000001, ")))
    (record,) = score_lines(LOG, plan, T0)
    assert record["next_tier"] is None
    assert transitions(LOG, plan, T0 + 30 * DAY) == []


def test_points_that_outlast_the_calendar_stay_at_their_bound() -> None:
    criterion = "{id: c, score: s, points: 1, max: 30, event: view, half_life: 365250d, per: {duration_s: 1}}"
    tiers = "[{id: cold}, {id: hot, from: 30}]"
    text = f"grid: g\nversion: 1\nscores: {{s: }}\ncriteria: [{criterion}]\ntiers: {tiers}\n"
    event = b'{"type": "view", "lead_id": "u", "id": "e", "properties": {"duration_s": 1e300}}'
    (record,) = score_lines([("log", 1, event)], Plan(parse_grid(text)), T0)
    assert (record["score"], record["tier"], record["next_tier"]) == (30.0, "hot", None)
