"""Law of reading a CRM: cut off anywhere, however often, what was passed on is in the end what it says."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, cast

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from connectors.sync.book import Book
from connectors.sync.crm import Change, Crm, Destination, Page, Reads
from connectors.sync.gate import Gate
from connectors.sync.kinds.dynamics import KIND
from connectors.sync.publishing import Outgoing
from connectors.sync.reading import Reading
from scorer.times import SECOND, Micros
from tests.properties.effort import examples
from tests.sync.rig import PARTITIONS, MemoryTable

OUTCOMES = {"open": "accepted", "won": "won", "lost": "lost"}
READS = Reads(0.0, {"jobtitle": "title"}, {"state": OUTCOMES})
CRM = Destination("crm", KIND, None, READS, None, "crm.id", None, "record")
LEAD = "crm:r-1"

TITLES = st.sampled_from([None, "CEO", "DG"])
STATES = st.sampled_from(["new", *OUTCOMES])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("title"), TITLES),
        st.tuples(st.just("state"), STATES),
        st.tuples(st.just("there"), st.booleans()),
        st.tuples(st.just("read"), st.integers(1, 8)),
    ),
    max_size=12,
)


class Killed(Exception):
    """The process is no more."""


@dataclass
class World:
    """What stays when a reader is killed: the CRM's only record, the rows, what was published."""

    title: str | None = None
    state: str = "new"
    there: bool = True
    changed: Micros = field(default_factory=lambda: Micros(0))
    states: list[str] = field(default_factory=lambda: ["new"])
    table: MemoryTable = field(default_factory=MemoryTable)
    published: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By id: the first counts, a repeat is none."""
    ticks: "count[int]" = field(default_factory=lambda: count(1))

    def clock(self) -> Micros:
        """A second later each time that it is asked."""
        return Micros(next(self.ticks) * SECOND)

    def change(self, what: str, value: Any) -> None:
        """Somebody edits the record."""
        if what == "state" and value != self.state:
            self.states.append(value)
        setattr(self, what, value)
        self.changed = self.clock()

    async def live(self, steps: int | None) -> None:
        """A reader that reads all once; or is killed before or after so many of its steps."""
        life = Life(self, steps)
        book = Book(life)
        for partition in range(PARTITIONS):
            book.gained(partition)
        reading = Reading(
            CRM,
            READS,
            cast(Crm, life),
            book,
            Gate(CRM.name, self.clock),
            life.publish,
            lambda _: False,
            PARTITIONS,
            self.clock,
            0.0,
        )
        try:
            await reading.run()
        except Killed:
            return

    def told(self) -> dict[str, Any]:
        """The lead's traits by all that was published."""
        found: dict[str, Any] = {}
        for event in sorted(self.published.values(), key=lambda one: str(one["time"])):
            if event["type"] == "identify":
                assert event["lead_id"] == LEAD
                found.update(event["traits"])
        return {name: value for name, value in found.items() if value is not None}

    def outcomes(self) -> list[str]:
        """What was published of the stage, in order."""
        events = [event for event in self.published.values() if event["type"] == "outcome"]
        return [event["properties"]["stage"].partition("=")[2] for event in events]


@dataclass
class Life:
    """One reader's CRM, table and producer."""

    world: World
    left: int | None
    """Steps until it is killed; each call is two: before it is done, and after."""
    pages: int = 0

    def step(self) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise Killed

    async def read(self, cursor: str | None) -> Page:
        self.step()
        self.pages += 1
        if self.pages > 1:
            raise Killed  # it has read all there is
        world = self.world
        if not world.there:
            return Page((Change("r-1", world.changed, deleted=True),), "on")
        traits, stages = {"title": world.title}, {"state": world.state}
        return Page((Change("r-1", world.changed, traits=traits, stages=stages),), "on")

    @property
    def partitions(self) -> frozenset[int]:
        return self.world.table.partitions

    def rows(self, partition: int) -> Mapping[str, bytes]:
        return self.world.table.rows(partition)

    async def put(self, partition: int, changes: Mapping[str, bytes | None]) -> None:
        self.step()
        await self.world.table.put(partition, changes)
        self.step()

    async def publish(self, records: Sequence[Outgoing]) -> None:
        self.step()
        for _, _, value in records:
            event = msgspec.json.decode(value)
            self.world.published.setdefault(event["id"], event)
        self.step()


@given(STEPS)
@examples(400)
def test_what_was_passed_on_is_what_the_crm_says(steps: list[tuple[str, Any]]) -> None:
    world = World()

    async def play() -> None:
        for what, value in steps:
            if what == "read":
                await world.live(value)
            else:
                world.change(what, value)
        await world.live(None)

    asyncio.run(play())
    told = world.told()
    assert told.get("crm.id") == ("r-1" if world.there else None)
    if world.there:
        assert told.get("title") == world.title
    if world.there and world.state in OUTCOMES:
        assert world.outcomes()[-1] == world.state
    for state in OUTCOMES:
        assert world.outcomes().count(state) <= world.states.count(state)
