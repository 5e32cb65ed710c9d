"""A walk that skips what can't change the tier is the walk that decides after every event."""

import json
import math
import random

from hypothesis import given
from hypothesis import strategies as st

from scorer.event import Event, decode
from scorer.evidence import Evidence
from scorer.grid import parse_grid
from scorer.plan import Plan
from scorer.times import DAY, SECOND
from scorer.walk import Change, Course, Walker
from tests.properties.effort import examples
from tests.properties.grids import grids, text
from tests.properties.logs import BEHAVIOURS, EMAILS, HAPPENINGS, START, TEXTS, TITLES, URLS, Told

Happening = tuple[Event, int, int]
"""An event, when it happened and when it arrived."""


def told(chance: random.Random) -> Told:
    """An event of one lead."""
    kind = chance.choice([*BEHAVIOURS * 4, *HAPPENINGS, "identify"])
    made: Told = {"type": kind, "lead_id": "u-1"}
    if kind == "identify":
        title, email = chance.choice([*TITLES, None]), chance.choice(EMAILS)
        made["traits"] = {"title": title, "email": email, "employees": chance.choice([5, 250])}
    else:
        made["properties"] = {
            "url": chance.choice(URLS),
            "campaign": chance.choice(TEXTS),
            "duration_s": chance.choice([0, 30, 90.5, None]),
            "rating": chance.randint(0, 10),
        }
    return made


def many_events(seed: int) -> list[Happening]:
    """Some hundred events of a lead, dense and sparse in turn, some of them late."""
    chance = random.Random(seed)
    log, now = [], START
    for _ in range(chance.choice([40, 150])):
        pace = chance.choice([10 * SECOND, DAY // 24, DAY, 9 * DAY])
        now += chance.randrange(pace) if chance.random() < 0.9 else pace
        late = chance.randrange(20 * DAY) if chance.random() < 0.15 else 0
        log.append((decode(json.dumps(told(chance)).encode()), now - late, now))
    return log


def walked(log: list[Happening], plan: Plan, *, skips: bool) -> tuple[Walker, list[Change], int]:
    """The end of a lead's walk, its steps, and how many events needed no decision."""
    walker = Walker(plan, Evidence(), Course())
    steps: list[Change] = []
    skipped = 0
    for event, moment, arrival in log:
        steps += walker.pass_time(arrival - 1)
        raised = walker.evidence.add(event, moment, plan, walker.may_fall)
        if event.type == "identify" and walker.regate():
            raised = math.inf
        if skips and walker.absorbs(raised, arrival):
            skipped += 1
        else:
            steps += walker.decide(arrival)
    steps += walker.pass_time(log[-1][2] + 60 * DAY)
    return walker, steps, skipped


@examples(300)
@given(grids(most=8), st.integers(0, 1 << 32))
def test_skipping_changes_no_step(grid: Told, seed: int) -> None:
    plan = Plan(parse_grid(text(grid), "generated.yml"))
    log = many_events(seed)
    skipping, steps, _ = walked(log, plan, skips=True)
    deciding, expected, _ = walked(log, plan, skips=False)
    assert steps == expected
    assert skipping.course == deciding.course


def test_most_events_of_a_cold_lead_need_no_decision() -> None:
    criteria = [
        {"id": "view", "score": "s", "points": 1, "event": "page_view", "half_life": "7d"},
        {"id": "silent", "score": "s", "points": -5, "absent": {"for": "30d"}},
    ]
    tiers = [{"id": "cold"}, {"id": "warm", "from": 50}]
    grid = {"grid": "g", "version": 1, "scores": {"s": {"min": 0, "max": 100}}, "criteria": criteria}
    plan = Plan(parse_grid(text(grid | {"tiers": tiers}), "cold.yml"))
    view = decode(b'{"type": "page_view", "lead_id": "u-1"}')
    log = [(view, START + hour * DAY // 24, START + hour * DAY // 24) for hour in range(40)]
    walker, steps, skipped = walked(log, plan, skips=True)
    assert (steps, skipped, walker.course.tier) == ([], 39, "cold")
