"""Who the bench's leads are and what they do, all from a seed, so that it is known which alerts must come.

An alert's id holds the moment at which it was decided. The contract leaves that moment open where a record
comes after its lead's time has already been moved on, by another topic's record or by the clock: under faults
topics are apart by seconds. So the population is made such that it is determined, crash or no crash:

- the workers' clock stands still, before all records, until everything is sent; then it jumps to the end.
  Time passes by the records' Kafka timestamps, a virtual day of them, and at last by the clock alone;
- on the first half of the partition numbers live the *falling* leads, whose tiers fall by time. All records
  of such a partition number go to one topic (any topic takes any type): their order is the partition's own;
- on the other half live leads that no time can change: *steady* ones, each with all its records on one
  topic, and *people*, who visit unknown and are then identified, over the hand-over topic. For people who
  go on visiting afterwards it is open whether the merge or the visit is decided first: for those, the
  *chatty* ones, the moments of the alerts are not compared, only how many of which play there are;
- the *crowd* lives everywhere, never comes near a tier, and brings copies and load.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import accumulate, count
from typing import Any, Final

from aiokafka.partitioner import DefaultPartitioner

from tests.faults.sizes import Size
from tests.oracle.lines import SECOND, text_of

TOPICS: Final = ("page-views", "email-clicks", "downloads", "signals", "profiles", "outcomes")
SIGNALS: Final = "signals"  # where the gateway puts what steady leads do
DAY_MS: Final = 86_400_000
_HOUR_MS: Final = 3_600_000
_MINUTE_MS: Final = 60_000

POISON: Final = b"poison"
"""In the bytes of every record that is no event."""

_BUSY: Final = 50
"""Leads of the crowd that get most of its events."""

_POISONS: Final = (
    b'{"poison": ',
    b"\xff\xfe poison",
    b'["poison"]',
    b'{"type": "page_view", "id": "poison"}',
)


@dataclass(frozen=True)
class Planned:
    """A record to be sent; `at` is its Kafka timestamp in milliseconds of the virtual clock."""

    at: int
    topic: str
    partition: int
    key: bytes
    value: bytes | None
    id: str | None = None
    """The event's; None of poison and empty records."""
    by_gateway: bool = False


@dataclass
class Population:
    """All that will be sent, in order of time."""

    start: int
    """When the virtual day begins, ms."""
    end: int
    """Past the last record and the last fall of a tier, ms."""
    planned: list[Planned] = field(default_factory=list)
    chatty: set[str] = field(default_factory=set)
    """Leads of whose alerts only the plays are compared."""
    crowd: set[str] = field(default_factory=set)
    """Leads that can't leave the first tier."""


def populate(seed: int, size: Size, partitions: int, start_ms: int, by_gateway: bool = False) -> Population:
    """A population; `by_gateway`: what steady leads do is posted to a gateway instead of produced."""
    made = Population(start_ms, start_ms + DAY_MS + 12 * _HOUR_MS)
    maker = _Maker(random.Random(seed), partitions, made)
    for _ in range(size.told):
        maker.falling()
        maker.steady(by_gateway)
        maker.person()
    maker.crowd(size.crowd, int(size.rate * size.seconds))
    made.planned.sort(key=lambda one: one.at)
    for index in range(1, len(made.planned)):  # each at a moment of its own
        before = made.planned[index - 1].at
        if made.planned[index].at <= before:
            made.planned[index] = replace(made.planned[index], at=before + 1)
    return made


class _Maker:
    def __init__(self, pick: random.Random, partitions: int, made: Population) -> None:
        self._pick = pick
        self._made = made
        self._partitions = partitions
        self._of = DefaultPartitioner()
        self._numbers = count()
        half = partitions // 2
        self._falling = range(half)
        self._still = range(half, partitions)

    def falling(self) -> None:
        """Some visits over the day: up by what they look at, down by the hours between."""
        lead = self._name("f", self._falling)
        for _ in range(self._pick.randint(2, 4)):
            at = self._pick.randint(0, DAY_MS - _HOUR_MS)
            for _ in range(self._pick.randint(4, 8)):
                at += self._pick.randint(1, 6 * _MINUTE_MS)
                kind = self._pick.choice(["page_view", "page_view", "page_view", "email_open"])
                url = self._pick.choice(["https://acme.example/tarifs", "https://acme.example/blog"])
                self._event(lead, self._lane(lead), at, kind, {"url": url}, late=self._pick.random() < 0.1)

    def steady(self, by_gateway: bool) -> None:
        """Quotes asked for and withdrawn, forms between."""
        lead = self._name("s", self._still)
        topic = SIGNALS if by_gateway else self._pick.choice(TOPICS)
        moments = sorted(self._pick.sample(range(DAY_MS), self._pick.randint(4, 9)))
        asked = False
        for at in moments:
            kind = "form_submit"
            if self._pick.random() < 0.6:
                kind = "quote_withdrawn" if asked else "quote_requested"
                asked = not asked
            self._event(lead, topic, at, kind, {}, by_gateway=by_gateway)

    def person(self) -> None:
        """Downloads of an unknown, who is then identified: the two are hot together, and neither is alone."""
        visitor, lead = self._name("a", self._still), self._name("u", self._still)
        moments = sorted(self._pick.sample(range(DAY_MS // 2), self._pick.randint(4, 6)))
        said = moments.pop()
        for at in moments:
            self._event(visitor, "downloads", at, "download", {"asset": "guide"}, anonymous=True)
        traits = {"email": f"{lead}@acme.example", "title": "CEO", "employees": 120}
        self._event(lead, "profiles", said, "identify", {}, visitor=visitor, traits=traits)
        if self._pick.random() < 0.4:
            self._made.chatty.add(lead)
            for _ in range(self._pick.randint(1, 3)):
                at = self._pick.randint(said, DAY_MS)
                self._event(visitor, "downloads", at, "download", {"asset": "guide"}, anonymous=True)

    def crowd(self, leads: int, events: int) -> None:
        """Many who spend some time on pages; among them records that are no events."""
        names = [self._name("c", range(self._partitions)) for _ in range(leads)]
        self._made.crowd.update(names)
        weights = list(accumulate((rank + 1) ** -1.2 for rank in range(leads)))
        # A busy lead has more events in a replay than ids are remembered: there only offsets tell what is
        # in its state. A copy of one of its events may be further away than those, so none is made.
        busy = set(names[:_BUSY])
        chosen = self._pick.choices(names, cum_weights=weights, k=events)
        for lead, at in zip(chosen, sorted(self._pick.choices(range(DAY_MS), k=events)), strict=True):
            topic = self._lane(lead)
            if self._pick.random() < 0.004:
                value = self._pick.choice([*_POISONS, None])
                self._plan(at, topic, lead, value, None)
            else:
                spent = {"duration_s": self._pick.randint(1, 90)}
                self._event(lead, topic, at, "page_time", spent, copied=lead not in busy)

    def _name(self, kind: str, among: range) -> str:
        """A new id whose key is of one of these partition numbers."""
        for number in self._numbers:
            name = f"{kind}-{number}"
            if self._partition(name) in among:
                return name
        raise AssertionError

    def _partition(self, name: str) -> int:
        numbers = list(range(self._partitions))
        return int(self._of(name.encode(), numbers, numbers))

    def _lane(self, lead: str) -> str:
        """The one topic of a partition of falling leads; any of them elsewhere."""
        partition = self._partition(lead)
        return TOPICS[partition % len(TOPICS)] if partition in self._falling else self._pick.choice(TOPICS)

    def _event(
        self,
        name: str,
        topic: str,
        at: int,
        kind: str,
        properties: dict[str, Any],
        *,
        anonymous: bool = False,
        visitor: str | None = None,
        traits: dict[str, Any] | None = None,
        late: bool = False,
        copied: bool = True,
        by_gateway: bool = False,
    ) -> None:
        """An event, and now and then copies of it soon after."""
        number = next(self._numbers)
        happened = (self._made.start + at) * 1_000
        if late:
            happened -= self._pick.randint(1, 10 * 3_600) * SECOND
        told: dict[str, Any] = {"id": f"e-{number}", "type": kind, "time": text_of(happened)}
        told["anonymous_id" if anonymous else "lead_id"] = name
        if visitor is not None:
            told["anonymous_id"] = visitor
        if properties:
            told["properties"] = properties
        if traits is not None:
            told["traits"] = traits
        value = json.dumps(told).encode()
        copies = self._pick.randint(1, 3) if copied and self._pick.random() < 0.15 else 0
        for copy in range(1 + copies):
            self._plan(at + copy * self._pick.randint(1, 5_000), topic, name, value, told["id"], by_gateway)

    def _plan(
        self, at: int, topic: str, name: str, value: bytes | None, id: str | None, by_gateway: bool = False
    ) -> None:
        self._made.planned.append(
            Planned(self._made.start + at, topic, self._partition(name), name.encode(), value, id, by_gateway)
        )


def mark(population: Population, first: int, text: bytes) -> int:
    """Marks the first event of the crowd from a place in the plan on, by a title; gives its place."""
    for at in range(first, len(population.planned)):
        one = population.planned[at]
        if one.value is not None and one.id is not None and one.key.decode() in population.crowd:
            told = json.loads(one.value)
            told["properties"]["title"] = text.decode()
            population.planned[at] = replace(one, value=json.dumps(told).encode())
            return at
    raise AssertionError("no event of the crowd")


def in_steps(planned: list[Planned], started: int, per_step: int) -> Iterator[list[Planned]]:
    """What is due step by step, each of so many milliseconds of the virtual clock."""
    step: list[Planned] = []
    until = started + per_step
    for one in planned:
        while one.at >= until:
            yield step
            step, until = [], until + per_step
        step.append(one)
    yield step
