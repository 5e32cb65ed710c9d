"""Tiers that change by time alone, where one score rises while the total falls."""

import json

import pytest

from scorer.files import score_lines, transitions
from scorer.grid import parse_grid
from scorer.plan import Plan
from scorer.times import DAY, SECOND, parse_time

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


FULL = "  - {id: full, score: a, points: 80}\n"
BAD = "  - {id: bad, score: a, points: -10, event: view, half_life: 1d}\n"


@pytest.mark.parametrize(
    ("bound", "criteria", "steps"),
    [
        (30, "  - {id: rest, score: b, points: 40, absent: {for: 2d}}\n", [("hot", 172_800)]),
        (
            20,
            "  - {id: ok, score: b, points: 30}\n"
            "  - {id: again, score: b, points: -20, event: view, repeat: {at_least: 1, within: 2d}}\n",
            [("hot", 172_800)],
        ),
        (
            80,
            FULL + "  - {id: good, score: b, points: 40, event: view, half_life: 1d}\n",
            [("hot", 0), ("cold", 86_401)],
        ),
        (
            80,
            FULL + BAD + "  - {id: ok, score: b, points: 40}\n"
            "  - {id: worse, score: b, points: -40, event: view, half_life: 1d}\n",
            [("hot", 86_400)],
        ),
    ],
    ids=["absence adds", "repetition ends", "full score, other falls", "full score, other rises"],
)
def test_a_bound_is_crossed_at_its_second(bound: int, criteria: str, steps: list[tuple[str, int]]) -> None:
    head = "grid: g\nversion: 1\nscores: {a: {max: 60}, b: }\n"
    plan = Plan(parse_grid(f"{head}criteria:\n{criteria}tiers: [{{id: cold}}, {{id: hot, from: {bound}}}]\n"))
    found = transitions(LOG[2:], plan, T0 + 30 * DAY)  # the view alone
    assert [(step["to"], parse_time(step["at"]) - T0) for step in found] == [
        (to, after * SECOND) for to, after in steps
    ]


def test_points_that_outlast_the_calendar_stay_at_their_bound() -> None:
    criterion = "{id: c, score: s, points: 1, max: 30, event: view, half_life: 365250d, per: {duration_s: 1}}"
    tiers = "[{id: cold}, {id: hot, from: 30}]"
    text = f"grid: g\nversion: 1\nscores: {{s: }}\ncriteria: [{criterion}]\ntiers: {tiers}\n"
    event = b'{"type": "view", "lead_id": "u", "id": "e", "properties": {"duration_s": 1e300}}'
    (record,) = score_lines([("log", 1, event)], Plan(parse_grid(text)), T0)
    assert (record["score"], record["tier"], record["next_tier"]) == (30.0, "hot", None)
