"""Asks one directory about warm leads, seldom, and passes on what it says as traits."""

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec

from connectors.sync import events
from connectors.sync.book import Book, Place
from connectors.sync.crm import Destination, Directory, Reads
from connectors.sync.errors import CrmError
from connectors.sync.gate import Gate, nap
from connectors.sync.metrics import READ
from connectors.sync.reading import Publish
from connectors.sync.rows import LeadRow, Row
from scorer.times import DAY, SECOND, Micros
from scorer.topics import topic_of

_MOST: Final = 100
"""Rows that are looked at in one go."""


class LookingUp:
    """One destination's. When somebody was asked for last stands in their row: its only sample.

    So what a day has used up of its budget is known after a restart as well: whoever was asked for today.
    """

    def __init__(
        self,
        destination: Destination,
        reads: Reads,
        directory: Directory,
        book: Book,
        gate: Gate,
        publish: Publish,
        erased: Callable[[str], bool],
        clock: Callable[[], Micros],
        look_s: float,
    ) -> None:
        self._destination = destination
        self._every = int(reads.every_s * SECOND)
        self._directory = directory
        self._book = book
        self._gate = gate
        self._publish = publish
        self._erased = erased
        self._clock = clock
        self._look_s = look_s
        self._day = -1
        self._used = 0
        self.wake = asyncio.Event()

    def news(self, row: LeadRow) -> LeadRow | None:
        """The row, where it is time to ask for somebody; None: it isn't."""
        return row if self._wanted(row) and self._next(row) <= self._clock() else None

    def _wanted(self, row: LeadRow) -> bool:
        return row.email is not None and row.basis["tier"] in self._directory.tiers

    def _next(self, row: LeadRow) -> int:
        return row.samples[-1][0] + self._every if row.samples else 0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            due = self._book.take_due(self._destination.name, self._clock(), _MOST)
            if not due:
                await nap(self.wake, self._look_s)
                continue
            try:
                for place, row in due:
                    if isinstance(row, LeadRow):
                        await self._look(place, row)
            except CrmError as error:
                self._gate.failed(error)
            finally:
                self._book.give_back([place for place, _ in due])

    async def _look(self, place: Place, row: LeadRow) -> None:
        now = self._clock()
        if self.news(row) is None:
            await self._put_off(place, self._next(row) if self._wanted(row) else None)
            return
        if self._used_on(now // DAY) >= self._directory.budget:
            await self._put_off(place, now // DAY * DAY + DAY)
            return
        await self._gate.wait()
        traits = await self._directory.look_up(row.email or "", row.known)
        self._gate.passed()
        self._used += 1
        if traits and not self._erased(row.lead):
            event = events.looked_up(self._destination, row.lead, self._next(row), now, traits)
            await self._publish([(topic_of("identify"), row.lead, msgspec.json.encode(event))])
        READ.labels(self._destination.name, "passed_on" if traits else "unknown").inc()

        def asked(held: Row | None) -> Row | None:
            if not isinstance(held, LeadRow):
                return held  # erased meanwhile
            due = Micros(now + self._every)
            return msgspec.structs.replace(held, samples=((now, 0.0),), due=due)

        await self._book.change_all({place: asked})

    async def _put_off(self, place: Place, due: int | None) -> None:
        def later(row: Row | None) -> Row | None:
            if not isinstance(row, LeadRow):
                return row
            return msgspec.structs.replace(row, due=None if due is None else Micros(due))

        await self._book.change_all({place: later})

    def _used_on(self, day: int) -> int:
        """How many were asked for since midnight, UTC; the rows are gone through once a day."""
        if day != self._day:
            self._day = day
            self._used = sum(
                isinstance(row, LeadRow) and bool(row.samples) and row.samples[-1][0] >= day * DAY
                for row in self._book.leads(self._destination.name)
            )
        return self._used
