"""Reads one CRM again and again, and passes on what has changed there."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from connectors.durable.errors import NotOursError
from connectors.sync import events
from connectors.sync.book import Book, Step
from connectors.sync.crm import Change, Crm, Destination, Found, Page, Reads, Tie
from connectors.sync.errors import CrmError, CursorExpiredError
from connectors.sync.gate import Gate, nap
from connectors.sync.metrics import READ
from connectors.sync.publishing import Outgoing
from connectors.sync.rows import CursorRow, RecordRow, cursor_key, record_key
from scorer.partitioner import partition_of
from scorer.times import SECOND, Micros
from scorer.topics import topic_of

_log: Final = logging.getLogger(__name__)
Publish = Callable[[Sequence[Outgoing]], Awaitable[None]]


class Reading:
    """One destination's; only the member that owns the cursor's partition reads.

    What is about to be said is written first, then events go out, then the cursor goes on. What is cut off
    between is read, and published, once more, under the same ids where the record still says so.
    """

    def __init__(
        self,
        destination: Destination,
        reads: Reads,
        crm: Crm,
        book: Book,
        gate: Gate,
        publish: Publish,
        erased: Callable[[str], bool],
        partitions: int,
        clock: Callable[[], Micros],
        look_s: float,
    ) -> None:
        self._look_s = look_s
        self._destination = destination
        self._reads = reads
        self._crm = crm
        self._book = book
        self._gate = gate
        self._publish = publish
        self._erased = erased
        self._clock = clock
        self._key = cursor_key(destination.name)
        self._partition = partition_of(self._key.encode(), partitions)
        self._never = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            cursor = self._cursor()
            if not self._book.holds(self._partition) or (cursor.due or 0) > self._clock():
                await nap(self._never, self._look_s)
                continue
            await self._gate.wait()
            try:
                await self._page_or_anew(cursor)
            except NotOursError as error:
                _log.info("%s", error)  # its new owner reads the page again
            except CrmError as error:
                self._gate.failed(error)
            else:
                self._gate.passed()

    async def _page_or_anew(self, cursor: CursorRow) -> None:
        try:
            await self._page(cursor)
        except CursorExpiredError as error:
            _log.warning("%s: %s: everything is read anew", self._destination.name, error)
            await self._go_on(CursorRow(destination=self._destination.name, round=cursor.round + 1))

    def _cursor(self) -> CursorRow:
        row = self._book.get((self._partition, self._key))
        return row if isinstance(row, CursorRow) else CursorRow(destination=self._destination.name)

    async def _page(self, cursor: CursorRow) -> None:
        page = await self._crm.read(cursor.cursor)
        work = _PageWork(self._destination, self._book, self._partition, cursor.round, self._clock())
        for change in page.changes:
            if change.merged_into is None:
                work.take(change, self._erased)
        for change in page.changes:
            if change.merged_into is not None:
                work.take_merged(change, await self._master(change, work), self._erased)
        if page.whole:
            work.end_round(self._erased)
        await self._book.change(self._partition, work.announced)
        await self._publish(
            [(topic_of(event["type"]), event["lead_id"], msgspec.json.encode(event)) for event in work.events]
        )
        READ.labels(self._destination.name, "passed_on").inc(len(work.events))
        READ.labels(self._destination.name, "read").inc(len(page.changes))
        await self._go_on(self._after(cursor, page), work.steps)
        # An order to erase may have come meanwhile: what the member has taken away isn't to come back by us.
        gone = {key: _becomes(None) for key, lead in work.leads() if self._erased(lead)}
        if gone:
            await self._book.change(self._partition, gone)

    def _after(self, cursor: CursorRow, page: Page) -> CursorRow:
        due = self._clock() if page.more else self._clock() + int(self._reads.every_s * SECOND)
        return CursorRow(
            destination=self._destination.name, cursor=page.cursor, round=cursor.round, due=Micros(due)
        )

    async def _go_on(self, cursor: CursorRow, steps: dict[str, Step] | None = None) -> None:
        """Rows and cursor; the cursor last, since rows of one partition are written in order."""
        await self._book.change(self._partition, {**(steps or {}), self._key: lambda _: cursor})

    async def _master(self, change: Change, work: "_PageWork") -> str | None:
        """Whose record a merged one was merged into."""
        into = change.merged_into
        if into is None or not work.knows(change):
            return None
        row = work.row(into)
        if row is not None:
            return row.lead
        found = (await self._crm.find([Tie("", record=into)])).get("")
        if not isinstance(found, Found):
            return None
        return events.name_of(self._destination, found.record, found.lead, found.email)


class _PageWork:
    """Goes through a page: what to publish, which rows change."""

    def __init__(
        self, destination: Destination, book: Book, partition: int, round_: int, now: Micros
    ) -> None:
        self._destination = destination
        self._book = book
        self._partition = partition
        self._round = round_
        self._now = now
        self._rows: dict[str, RecordRow] = {}
        self._announced: dict[str, RecordRow] = {}
        self.events: list[events.Event] = []

    @property
    def announced(self) -> dict[str, Step]:
        """What the rows become before events go out."""
        return self._steps(self._announced)

    @property
    def steps(self) -> dict[str, Step]:
        """What the rows become then; they are nobody else's."""
        return self._steps(self._rows)

    def _steps(self, rows: Mapping[str, RecordRow]) -> dict[str, Step]:
        return {record_key(record, self._destination.name): _becomes(row) for record, row in rows.items()}

    def leads(self) -> list[tuple[str, str]]:
        """Whose rows are written, by the rows' keys."""
        return [(record_key(record, self._destination.name), row.lead) for record, row in self._rows.items()]

    def take(self, change: Change, erased: Callable[[str], bool]) -> None:
        """A record that is there, or was deleted."""
        row = self.row(change.record)
        if change.deleted:
            if row is not None:
                self._untie(row, erased)
            return
        new = row is None or row.gone
        owner = self.row(change.of) if change.of is not None else row
        if change.of is not None and (owner is None or owner.gone):
            return  # an opportunity that came of no lead we know
        lead = owner.lead if owner is not None else self._named(change)
        if lead is None or erased(lead):
            return
        known = row or RecordRow(lead=lead, destination=self._destination.name, record=change.record)
        traits, stages, digests = events.fresh(change, known)
        tie = self._destination.record_trait
        if change.of is None and (new or tie in known.saying):
            traits[tie] = change.record
        saying = self._say(known, traits, stages)
        if traits:
            self._identify(lead, saying, change.at, traits)
        self.events += events.outcomes(self._destination, lead, saying, change, stages)
        if new or known.saying or digests != known.seen or known.round != self._round:
            self._rows[change.record] = msgspec.structs.replace(
                saying, seen=digests, round=self._round, gone=False, saying={}
            )

    def _say(
        self, row: RecordRow, traits: Mapping[str, Any], stages: Mapping[str, Any] | None = None
    ) -> RecordRow:
        """Announces what events are going to say of a record; a page may have it twice."""
        saying = events.about_to_say(row, traits, stages or {})
        if saying.saying:
            before = self._announced.get(row.record, saying).saying
            saying = msgspec.structs.replace(saying, saying=before | saying.saying)
            self._announced[row.record] = saying
        return saying

    def _identify(self, lead: str, saying: RecordRow, at: Micros, traits: Mapping[str, Any]) -> None:
        number = saying.number(traits)
        self.events.append(events.identify(self._destination, lead, saying.record, number, at, traits))

    def knows(self, change: Change) -> bool:
        """Whether a record that was merged into another was anybody's that we know."""
        row = self.row(change.record)
        return bool(change.lead or change.email) if row is None else not row.gone

    def take_merged(self, change: Change, master: str | None, erased: Callable[[str], bool]) -> None:
        """A record that was merged into another: their people are one."""
        row, into = self.row(change.record), change.merged_into
        if into is None or not self.knows(change):
            return
        lead = row.lead if row is not None else self._named(change)
        tie, number = {self._destination.record_trait: into}, -1
        if row is not None:
            saying = self._say(row, tie)
            number = saying.number(tie)
            self._rows[change.record] = _gone(saying)
        if lead is None or erased(lead):
            return
        if master is not None and master != lead and not erased(master):
            self.events.append(events.alias(self._destination, lead, master, change.at))
        self.events.append(
            events.identify(self._destination, master or lead, change.record, number, change.at, tie)
        )

    def end_round(self, erased: Callable[[str], bool]) -> None:
        """Everything was read: what this round has not come by was deleted meanwhile."""
        prefix = record_key("", self._destination.name)
        for _, row in self._book.rows(self._partition, prefix):
            if isinstance(row, RecordRow) and row.record not in self._rows and row.round < self._round:
                self._untie(row, erased)

    def _named(self, change: Change) -> str | None:
        return events.name_of(self._destination, change.record, change.lead, change.email)

    def _untie(self, row: RecordRow, erased: Callable[[str], bool]) -> None:
        if row.gone:
            return
        tie: dict[str, Any] = {}
        if not erased(row.lead):
            tie[self._destination.record_trait] = self._other(row)
        saying = self._say(row, tie)
        self._rows[row.record] = _gone(saying)
        if tie:
            self._identify(row.lead, saying, self._now, tie)

    def _other(self, gone: RecordRow) -> str | None:
        """Another record of the same lead: the CRM may know somebody twice."""
        prefix = record_key("", self._destination.name)
        for _, row in self._book.rows(self._partition, prefix):
            held = self._rows.get(row.record, row) if isinstance(row, RecordRow) else None
            if held is not None and not held.gone and held.lead == gone.lead and held.record != gone.record:
                return held.record
        return None

    def row(self, record: str | None) -> RecordRow | None:
        """A record's row as this page leaves it."""
        if record is None:
            return None
        if record in self._rows:
            return self._rows[record]
        row = self._book.get((self._partition, record_key(record, self._destination.name)))
        return row if isinstance(row, RecordRow) else None


def _gone(row: RecordRow) -> RecordRow:
    return msgspec.structs.replace(row, gone=True, seen={}, saying={})


def _becomes(row: RecordRow | None) -> Step:
    return lambda _: row
