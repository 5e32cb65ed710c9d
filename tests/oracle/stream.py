"""A log walked as a stream decides it: record by record, each at the moment of its arrival, naively."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.oracle.identity import People, first_copies
from tests.oracle.lines import SECOND, Happening, read
from tests.oracle.points import Points, traits
from tests.oracle.scores import merge
from tests.oracle.walk import Walker

_AHEAD = 300 * SECOND  # what says it happened later after its arrival than this happened at its arrival
_EVER = 1 << 62

Step = tuple[int, int, int, bool]  # moment, from, to, by time alone


@dataclass
class Walked:
    """What the records make: where every lead stands, and the steps of everybody's walk."""

    points: Points
    people: People = field(default_factory=People)
    walkers: dict[str, Walker] = field(default_factory=dict)
    told: list[tuple[str, Step]] = field(default_factory=list)
    """Steps of leads that have become others since."""
    gone: list[tuple[str, Walker]] = field(default_factory=list)
    """Those leads' walks, as they ended."""

    @property
    def steps(self) -> list[tuple[str, Step]]:
        """All steps, each lead's in order of time."""
        return [*self.told, *((lead, step) for lead, walker in self.walkers.items() for step in walker.steps)]

    def record(self, lead: str, at: int) -> dict[str, Any]:
        """What the score record of a lead must say at a moment."""
        walker = self.walkers[lead]
        contributions = self.points.contributions(walker.events, at)
        dimensions = self.points.dimensions(contributions)
        return {
            "score": sum(dimensions.values()),
            "tier": self.points.grid["tiers"][walker.tier]["id"],
            "contributions": {name: value for name, value in contributions.items() if abs(value) >= 1e-9},
            "identities": self.people.identities(lead),
            "traits": traits(walker.events),
        }


def naive_stream(
    records: Iterable[tuple[int, bytes]],
    points: Points,
    at: int,
    walks: Callable[[str], bool] = lambda lead: True,
    walker_of: type[Walker] = Walker,
) -> Walked:
    """Walks records (arrival in microseconds, value) in their order, then lets time pass up to `at`.

    `walks`: whether a lead's tier may ever change; the walks of the others are left out, to save hours.
    """
    happenings = [_happening(number, arrival, value) for number, (arrival, value) in enumerate(records)]
    arrivals = {id(happening): arrival for arrival, happening in happenings}
    found = Walked(points)
    for happening in first_copies([happening for _, happening in happenings]):
        arrival = max(arrivals[id(happening)], happening.time)
        for former, now in found.people.meet(happening):
            _pass_on(found, former, now, arrival)
        lead = found.people.owner(happening)
        passed = found.people.learn(happening)
        walker = found.walkers.setdefault(lead, walker_of(points, arrival))
        if walks(lead):
            walker.happen(happening, arrival)
        else:
            walker.events.append(happening)
        if passed is not None:
            _pass_on(found, passed, lead, arrival)
    for lead, walker in found.walkers.items():
        if walks(lead):
            walker.advance(at)
    return found


def _happening(number: int, arrival: int, value: bytes) -> tuple[int, Happening]:
    (happening,) = read([("record", number, value)], _EVER)
    if happening.time == _EVER or happening.time > arrival + _AHEAD:
        happening.time = arrival
    return arrival, happening


def _pass_on(found: Walked, former: str, now: str, moment: int) -> None:
    """What was a former lead's is another's from now on; its own steps stay told under its name."""
    if former in found.walkers:
        gone = found.walkers.pop(former)
        merge(found.walkers.setdefault(now, type(gone)(gone.points, moment)), gone, moment)
        found.told += [(former, step) for step in gone.steps]
        found.gone.append((former, gone))
