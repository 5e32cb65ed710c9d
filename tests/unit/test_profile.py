"""What is left of contributions that have faded away."""

import pytest

from scorer.event import decode
from scorer.evidence import Evidence
from scorer.grid import parse_grid
from scorer.plan import Plan
from scorer.profile import standing, terms
from scorer.times import DAY


@pytest.mark.parametrize(("points", "bound"), [(10, 30), (-10, -30)])
def test_what_has_faded_below_every_float_is_nothing_not_its_bound(points: int, bound: int) -> None:
    criterion = f"{{id: c, score: s, points: {points}, max: {bound}, event: page_view, half_life: 1h}}"
    grid = (
        "grid: g\nversion: 1\nscores: {s: {min: -100, max: 100}}\n"
        f"criteria: [{criterion}]\ntiers: [{{id: cold}}, {{id: warm, from: 25}}]"
    )
    plan, evidence = Plan(parse_grid(grid)), Evidence()
    evidence.add(decode(b'{"type": "page_view", "lead_id": "u"}'), 0, plan)
    for days, left in [(0, points), (60, 0)]:
        stood = standing(terms(evidence, 0, plan, days * DAY), plan, days * DAY)
        assert stood.total == left


@pytest.mark.parametrize(
    ("told", "counted"), [("120", 2), ("1e400", 0), ("9" * 400, 0), ("-60", 0), ("true", 0), ('"60"', 0)]
)
def test_an_amount_is_a_finite_number_above_0_or_nothing(told: str, counted: float) -> None:
    criterion = "{id: c, score: s, points: 1, event: page_time, per: {duration_s: 60}}"
    plan = Plan(
        parse_grid(f"grid: g\nversion: 1\nscores: {{s: }}\ncriteria: [{criterion}]\ntiers: [{{id: cold}}]")
    )
    evidence = Evidence()
    event = f'{{"type": "page_time", "lead_id": "u", "properties": {{"duration_s": {told}}}}}'
    evidence.add(decode(event.encode()), 0, plan)
    assert standing(terms(evidence, 0, plan, 0), plan, 0).total == counted


def test_a_number_out_of_range_removes_no_trait() -> None:
    plan = Plan(
        parse_grid(
            "grid: g\nversion: 1\nscores: {s: }\ncriteria: [{id: c, score: s, points: 1}]\n"
            "tiers: [{id: cold}]"
        )
    )
    evidence = Evidence()
    for moment, told in enumerate(["7", "1e400"]):
        event = f'{{"type": "identify", "lead_id": "u", "traits": {{"revenue": {told}, "n": {moment}}}}}'
        evidence.add(decode(event.encode()), moment, plan)
    assert evidence.values() == {"n": 1, "revenue": 7}
