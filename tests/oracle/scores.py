"""Scores and tier changes of a file of events, naively."""

from collections.abc import Iterable
from typing import Any

from tests.oracle.identity import People, all_known, first_copies
from tests.oracle.lines import SECOND, Line, read, text_of, that_count
from tests.oracle.points import Points, traits
from tests.oracle.walk import TEN_YEARS, Walker

Steps = list[tuple[str, int, int, int, bool]]  # lead, moment, from, to, by time alone


def naive_score(
    lines: Iterable[Line], grid: dict[str, Any], at: int, next_tier: bool = False
) -> list[dict[str, Any]]:
    """One score record a lead, highest first; `next_tier` if asked for: it looks ten years ahead."""
    people, walkers = _walk_by_time(lines, grid, at)
    records = [_record(lead, walker, people, next_tier) for lead, walker in walkers.items()]
    return sorted(records, key=lambda record: (-record["score"], record["lead_id"]))


def naive_transitions(lines: Iterable[Line], grid: dict[str, Any], at: int) -> list[dict[str, Any]]:
    """Every tier change up to `at`, as if everything known then had always been known."""
    _, walkers = _walk_by_time(lines, grid, at)
    return _told(grid, [(lead, *step) for lead, walker in walkers.items() for step in walker.steps])


def naive_as_arrived(lines: Iterable[Line], grid: dict[str, Any], at: int) -> list[dict[str, Any]]:
    """Every tier change up to `at`, decided line by line with what each line knew."""
    points = Points(grid)
    people = People()
    walkers: dict[str, Walker] = {}
    steps: Steps = []
    for happening in first_copies(read(lines, at)):
        for former, now in people.meet(happening):
            _pass_on(walkers, steps, former, now, happening.time)
        lead = people.owner(happening)
        passed = people.learn(happening)
        walkers.setdefault(lead, Walker(points, happening.time)).happen(happening)
        if passed is not None:
            _pass_on(walkers, steps, passed, lead, happening.time)
    for lead, walker in walkers.items():
        walker.advance(at)
        steps += [(lead, *step) for step in walker.steps]
    return _told(grid, steps)


def _pass_on(walkers: dict[str, Walker], told: Steps, former: str, now: str, time: int) -> None:
    """What was a former lead's is another's from now on; its own steps stay told under its name."""
    if former in walkers:
        gone = walkers.pop(former)
        merge(walkers.setdefault(now, Walker(gone.points, time)), gone, time)
        told += [(former, *step) for step in gone.steps]


def merge(walker: Walker, gone: Walker, time: int) -> None:
    """One lead from here on: each is walked up to now, no lead's now being before its last moment."""
    gone.advance(max(gone.moment, time) - 1)
    moment = max(walker.moment, gone.moment, time)
    walker.advance(moment - 1)
    walker.moment = moment
    walker.meet(gone, moment)
    walker.events += gone.events
    if gone.tier > walker.tier:
        walker.tier, walker.since = gone.tier, gone.since
    walker.decide(moment)


def _walk_by_time(lines: Iterable[Line], grid: dict[str, Any], at: int) -> tuple[People, dict[str, Walker]]:
    """Every lead walked through its own events in order of time, then id."""
    kept = that_count(first_copies(read(lines, at)))
    people = all_known(kept)
    points = Points(grid)
    walkers: dict[str, Walker] = {}
    for happening in sorted(kept, key=lambda happening: happening.order):
        lead = people.owner(happening)
        if lead not in walkers:
            walkers[lead] = Walker(points, happening.time)
        walkers[lead].happen(happening)
    for walker in walkers.values():
        walker.advance(at)
    return people, walkers


def _record(lead: str, walker: Walker, people: People, next_tier: bool) -> dict[str, Any]:
    points, grid = walker.points, walker.points.grid
    contributions = points.contributions(walker.events, walker.moment)
    dimensions = points.dimensions(contributions)
    record = {
        "lead_id": lead,
        "score": sum(dimensions.values()),
        "tier": grid["tiers"][walker.tier]["id"],
        "since": text_of(walker.since),
        "scores": dimensions,
        "contributions": {name: value for name, value in contributions.items() if abs(value) >= 1e-9},
        "as_of": text_of(walker.moment),
        "grid": grid["grid"],
        "version": grid["version"],
        "identities": people.identities(lead),
        "traits": traits(walker.events),
    }
    if next_tier:
        record["next_tier"] = _next_tier(walker)
    return record


def _next_tier(walker: Walker) -> dict[str, str] | None:
    change = walker.next_change(walker.moment + TEN_YEARS)
    if change is None:
        return None
    tier = walker.tier_of(walker.spans(change, change))
    assert tier is not None
    return {"tier": walker.points.grid["tiers"][tier]["id"], "at": text_of(_whole_second(change))}


def _whole_second(moment: int) -> int:
    return -(-moment // SECOND) * SECOND


def _told(grid: dict[str, Any], steps: Steps) -> list[dict[str, Any]]:
    """Steps as `--transitions` prints them: those by time alone at their second, rounded up."""
    names = [tier["id"] for tier in grid["tiers"]]
    told = [
        (_whole_second(at) if by_time else at, lead, names[old], names[new])
        for lead, at, old, new, by_time in steps
    ]
    told.sort(key=lambda one: one[:2])  # stable: a lead's own steps keep their order
    return [{"lead_id": lead, "from": old, "to": new, "at": text_of(at)} for at, lead, old, new in told]
