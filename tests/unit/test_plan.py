"""What a plan remembers of events and people says the same, however much there is to remember."""

import pytest

from scorer.event import Event, check
from scorer.grid import parse_grid
from scorer.plan import Plan

GRID = """\
grid: g
version: 1
scores: {s: }
criteria:
  - {id: pricing, score: s, points: 1, event: page_view, where: {page: [/pricing, 7]}}
  - {id: active, score: s, points: 1, repeat: {at_least: 2, within: 7d}}
tiers: [{id: cold}]
"""


def view(page: object, kind: str = "page_view") -> Event:
    return check({"type": kind, "lead_id": "u", "properties": {"page": page}})


def kinds(plan: Plan, event: Event) -> list[str]:
    return [slot.kind for slot in plan.matches(event)]


@pytest.mark.parametrize(
    ("page", "matched"),
    [
        ("/pricing", True),
        (7, True),
        ([1, ["/pricing"]], True),
        (None, False),
        (7.5, False),
        (["/", 8], False),
        ("/pricing" * 30, False),
    ],
)
def test_a_field_may_hold_anything(page: object, matched: bool) -> None:
    assert kinds(Plan(parse_grid(GRID)), view(page)) == ["newest", "sum"][: 1 + matched]


def test_more_values_and_types_than_are_remembered() -> None:
    plan = Plan(parse_grid(GRID))
    for number in range(10_001):
        assert kinds(plan, view(f"/{number}")) == ["newest"]
    for number in range(10_001):
        assert kinds(plan, view("/pricing", f"type_{number}")) == ["newest"]
    for _ in range(2):
        assert kinds(plan, view("/pricing")) == ["newest", "sum"]


def test_more_kinds_of_people_than_are_remembered() -> None:
    criteria = "".join(f"  - {{id: c{at}, score: s, points: 1, lead: {{t{at}: 1}}}}\n" for at in range(14))
    plan = Plan(
        parse_grid(f"grid: g\nversion: 1\nscores: {{s: }}\ncriteria:\n{criteria}tiers: [{{id: cold}}]\n")
    )
    for number in range(10_001):
        traits = {f"t{at}": 1 for at in range(14) if number >> at & 1}
        held = plan.rules_behind(plan.gates(traits)).explicit
        assert [term.id for term in held] == [f"c{name[1:]}" for name in traits]
