"""A score record of the topic, read at another moment or by another grid."""

import json
from typing import Any

import pytest

from scorer.grid import parse_grid
from scorer.plan import Plan
from scorer.reading import Reader
from scorer.times import DAY, parse_time
from tests.partitioned import Stream

GRID = """\
grid: g
version: 1
scores: {{s: {{min: -100, max: 100}}}}
criteria:
{criteria}
tiers: [{{id: cold}}, {{id: hot, from: 30}}]
"""
BASE = "  - {id: base, score: s, points: 5}\n"
VIEW = "  - {id: view, score: s, points: 40, event: page_view, half_life: 1d}\n"
SILENT = "  - {id: silent, score: s, points: -20, absent: {for: 2d}}"
T0 = parse_time("2026-11-02T09:00:00Z")


def plan(criteria: str) -> Plan:
    return Plan(parse_grid(GRID.format(criteria=criteria)))


@pytest.fixture
def record() -> dict[str, Any]:
    stream = Stream(plan(BASE + VIEW + SILENT))
    event = {"id": "e", "type": "page_view", "lead_id": "u", "time": "2026-11-02T09:00:00Z"}
    stream.publish(json.dumps(event).encode(), T0)
    stream.drain()
    return stream.scores["u"]


def test_a_record_fades_and_waits_for_its_absence(record: dict[str, Any]) -> None:
    reader = Reader(plan(BASE + VIEW + SILENT))
    assert [reader.score(record, T0 + day * DAY) for day in (-1, 0, 1, 2)] == [45.0, 45.0, 25.0, -5.0]
    assert reader.upper_bound(record) == 45.0
    read = reader.at(record, T0 + 2 * DAY)
    assert read["contributions"] == {"base": 5.0, "view": 10.0, "silent": -20.0}
    assert reader.at(record, T0)["next_tier"]["tier"] == "cold"


@pytest.mark.parametrize(
    ("criteria", "contributions"),
    [
        (BASE, {"base": 5.0}),
        (VIEW, {"view": 10.0}),
        (SILENT, {"silent": -20.0}),
    ],
)
def test_criteria_that_a_grid_does_not_know_count_for_nothing(
    record: dict[str, Any], criteria: str, contributions: dict[str, float]
) -> None:
    read = Reader(plan(criteria)).at(record, T0 + 2 * DAY)
    assert read["contributions"] == contributions
    assert read["score"] == sum(contributions.values())


def test_a_tier_that_a_grid_does_not_know_is_left_as_it_is(record: dict[str, Any]) -> None:
    read = Reader(Plan(parse_grid(GRID.format(criteria=BASE).replace("hot", "warm")))).at(record, T0)
    assert (read["tier"], read["next_tier"]) == ("hot", None)
