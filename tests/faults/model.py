"""What must have come of the records that are on the topics, by the naive model."""

import heapq
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from tests.faults.population import POISON, Population
from tests.oracle.lines import Happening
from tests.oracle.plays import Due, naive_plays
from tests.oracle.points import Points
from tests.oracle.stream import Walked, naive_stream

GRID: Final = Path(__file__).with_name("bench.yml")


class _Shapes(Points):
    """The oracle's formulas; what an event matches is asked once for all events that look the same."""

    def __init__(self, grid: dict[str, Any]) -> None:
        super().__init__(grid)
        self._shapes: dict[int, tuple[Happening, str]] = {}
        self._answers: dict[tuple[str, str], bool] = {}

    def matches(self, criterion: dict[str, Any], event: Happening) -> bool:
        if id(event) not in self._shapes:
            # keeps the event, so that its id() stays its own
            self._shapes[id(event)] = event, event.type + json.dumps(event.properties)
        key = criterion["id"], self._shapes[id(event)][1]
        if key not in self._answers:
            self._answers[key] = self._asks_for(criterion, event)
        return self._answers[key]


@dataclass(frozen=True)
class Expected:
    """What the records must have made."""

    ids: frozenset[str]
    """Of all events that are on the topics."""
    poison: frozenset[tuple[str, int, int]]
    """Topic, partition and offset of every record that is no event."""
    copies: int
    """Records that bring an event once more."""
    scores: dict[str, dict[str, Any]]
    """By lead: what its score record says at the end."""
    alerts: list[Due]
    end: int
    """The moment that all this is of, in microseconds."""
    people: Walked = field(repr=False)


def _merged(raw: Iterable[Any]) -> Iterable[Any]:
    """All records, by time between topics and in order within each partition."""
    lanes: dict[tuple[str, int], list[Any]] = defaultdict(list)
    for record in raw:
        lanes[record.topic, record.partition].append(record)
    return heapq.merge(*lanes.values(), key=lambda one: (one.timestamp, one.topic, one.partition))


def expect(raw: Iterable[Any], population: Population) -> Expected:
    """What records of the in-topics, as aiokafka gives them, must make."""
    grid = yaml.safe_load(GRID.read_text())
    events: list[tuple[int, bytes]] = []
    poison = set()
    for record in _merged(raw):
        if record.value is None:
            continue
        if POISON in record.value:
            poison.add((record.topic, record.partition, record.offset))
        else:
            events.append((record.timestamp * 1_000, record.value))
    end = population.end * 1_000
    walked = naive_stream(events, _Shapes(grid), end, lambda lead: lead not in population.crowd)
    ids = {json.loads(value)["id"] for _, value in events}
    return Expected(
        ids=frozenset(ids),
        poison=frozenset(poison),
        copies=len(events) - len(ids),
        scores={lead: walked.record(lead, end) for lead in walked.walkers},
        alerts=naive_plays(walked.steps, dict.fromkeys(walked.walkers, 0), grid, end),
        end=end,
        people=walked,
    )
