"""The laws of evidence and of time."""

import json

from hypothesis import assume, given
from hypothesis import strategies as st

from scorer.event import decode
from scorer.evidence import Evidence
from scorer.grid import parse_grid
from scorer.plan import Plan
from scorer.profile import standing, terms
from scorer.quiet import Outlook
from scorer.reading import Reader
from scorer.record import topic_record
from scorer.tiers import decide
from scorer.times import DAY, SECOND, micros, parse_time
from scorer.transitions import next_transition
from scorer.walk import Course, Walker
from tests.properties.effort import examples
from tests.properties.grids import grids, text
from tests.properties.logs import START, Told, logs

LATER = START + 60 * DAY


def plan_of(grid: Told) -> Plan:
    return Plan(parse_grid(text(grid), "generated.yml"))


def evidence_of(log: list[Told], plan: Plan) -> Evidence:
    evidence = Evidence()
    for told in log:
        evidence.add(decode(json.dumps(told).encode()), parse_time(told["time"]), plan)
    return evidence


def total(evidence: Evidence, plan: Plan, moment: int) -> float:
    mask = plan.gates(evidence.values())
    return standing(terms(evidence, mask, plan, moment), plan, moment).total


@examples(60)
@given(logs(identity=False, copies=False), grids(), st.data())
def test_evidence_adds_in_any_order_and_any_split(log: list[Told], grid: Told, data: st.DataObject) -> None:
    plan = plan_of(grid)
    shuffled = data.draw(st.permutations(log))
    cut, other = sorted(data.draw(st.tuples(*[st.integers(0, len(log))] * 2)))
    parts = [evidence_of(part, plan) for part in (shuffled[:cut], shuffled[cut:other], shuffled[other:])]
    merged = Evidence()
    for part in data.draw(st.permutations(parts)):
        merged.merge(part, plan)
    whole = evidence_of(log, plan)
    assert abs(total(merged, plan, LATER) - total(whole, plan, LATER)) < 1e-9
    assert (merged.times, merged.traits, merged.newest) == (whole.times, whole.traits, whole.newest)


@examples(60)
@given(logs(identity=False, copies=False), grids(), st.integers(0, 90 * DAY))
def test_a_reader_fades_a_record_as_the_scorer_would(log: list[Told], grid: Told, wait: int) -> None:
    plan = plan_of(grid)
    walker = Walker(plan, evidence_of(log, plan), Course())
    moment = walker.evidence.newest
    list(walker.decide(moment))
    record = json.loads(topic_record("u", walker.evidence, walker.course, walker.terms(moment), plan, moment))
    reader = Reader(plan)
    read = reader.at(record, moment + wait)
    stood = walker.standing(moment + wait)
    assert abs(read["score"] - stood.total) < 1e-6
    assert read["contributions"].keys() == stood.contributions.keys()
    assert read["score"] <= reader.upper_bound(record) + 1e-6
    change = next_transition(
        walker.terms(moment), plan, plan.tier_index[walker.course.tier], moment, moment + wait
    )
    if change is not None:
        assert reader.at(record, moment)["next_tier"]["tier"] == plan.tiers[change.to].id


@examples(100)
@given(logs(identity=False, copies=False), grids())
def test_nothing_changes_before_the_bound_nor_before_the_transition(log: list[Told], grid: Told) -> None:
    plan = plan_of(grid)
    evidence = evidence_of(log, plan)
    moment = evidence.newest
    found = terms(evidence, plan.gates(evidence.values()), plan, moment)

    def tier_at(when: int, current: int) -> int:
        stood = standing(found, plan, when)
        return decide(plan, stood.dimensions, stood.total, current)

    current = tier_at(moment, 0)
    outlook = Outlook(found, plan, moment)
    quiet = outlook.quiet_until(current, may_climb=outlook.headroom(current) <= 0)
    change = next_transition(found, plan, current, moment, moment + 400 * DAY)
    if change is None:
        assert all(tier_at(moment + DAY * day, current) == current for day in range(0, 400, 7))
    else:
        assert quiet <= change.at
        assert tier_at(change.at, current) == change.to != current
        assert tier_at(change.at - 1, current) == current


@examples(100)
@given(st.floats(0.1, 1e6), st.integers(1, 10_000), st.integers(0, 10_000), st.integers(0, 10_000))
def test_decay_composes_and_only_falls(points: float, half_life: int, first: int, second: int) -> None:
    grid = (
        "grid: g\nversion: 1\nscores: {s: {min: 0, max: 1000000000}}\n"
        f"criteria: [{{id: c, score: s, points: 1, event: x, per: {{n: 1}}, half_life: {half_life}s}}]\n"
        "tiers: [{id: cold}]"
    )
    plan = Plan(parse_grid(grid))
    evidence = Evidence()
    told = {"type": "x", "lead_id": "u", "properties": {"n": points}}
    evidence.add(decode(json.dumps(told).encode()), 0, plan)
    at_once = total(evidence, plan, micros(first + second))
    assume(at_once > 1e-6)
    part = total(evidence, plan, first * SECOND)
    assert abs(part * 2 ** (-second / half_life) - at_once) <= 1e-9 * max(1.0, part)
    assert at_once <= part <= points * (1 + 1e-12)
