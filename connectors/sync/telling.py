"""Tells one CRM what is news: gathers what is due, finds the records, sends a batch, keeps the result."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from connectors.sync.book import Book, Place, Step
from connectors.sync.crm import Crm, Destination, Found, Refusal, Task, Telling, Tie, Writes
from connectors.sync.errors import BatchRefusedError, CrmError
from connectors.sync.events import event_id
from connectors.sync.gate import Gate, backoff_s, nap
from connectors.sync.metrics import TOLD, WAITING
from connectors.sync.parking import Parking
from connectors.sync.rows import LeadRow, Row, TaskRow, lead_key
from connectors.sync.standing import Scale, Standing, is_news, sampled, standing
from scorer.times import DAY, SECOND, Micros

_ATTEMPTS: Final = 8
"""Of what a CRM may take later: with the backoff for about five minutes, and then it is parked."""
_TASK_AGAIN: Final = 600 * SECOND
"""When a task is tried again whose lead the CRM doesn't know yet."""

_log: Final = logging.getLogger(__name__)
_NOTHING: Final = object()
"""Equal to no value."""

Read = Callable[[Mapping[str, Any], int], dict[str, Any]]
"""A score record at a moment."""


class Teller:
    """One destination's. What is sent twice says the same: nothing hangs on how often."""

    def __init__(
        self,
        destination: Destination,
        writes: Writes,
        crm: Crm,
        book: Book,
        gate: Gate,
        parking: Parking,
        read: Read,
        labels: Callable[[], Mapping[str, Any]],
        clock: Callable[[], Micros],
        look_s: float,
    ) -> None:
        self._look_s = look_s
        self._name = destination.name
        self._writes = writes
        self._batch = destination.kind.limits.batch
        self._crm = crm
        self._book = book
        self._gate = gate
        self._parking = parking
        self._read = read
        self._labels = labels
        self._clock = clock
        self._scale = Scale(writes.grades, writes.delta, writes.trend_s, writes.language, writes.reasons)
        self.wake = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            WAITING.labels(self._name).set(self._book.waiting(self._name))
            due = self._book.take_due(self._name, self._clock(), self._batch)
            if not due:
                await nap(self.wake, self._look_s)
                continue
            try:
                await self._gate.wait()
                await self._tell(due)
            except CrmError as error:
                self._gate.failed(error)
            finally:
                self._book.give_back([place for place, _ in due])

    def news(self, row: LeadRow) -> Standing | None:
        """What there is to tell of a lead now; None: nothing."""
        said = self._standing(row, self._clock())
        return said if is_news(row.told, said, self._writes.delta) else None

    def _standing(self, row: LeadRow, now: int) -> Standing:
        return standing(self._read(row.basis, now), self._labels(), row.samples, self._scale)

    async def _tell(self, due: Sequence[tuple[Place, LeadRow | TaskRow]]) -> None:
        leads = [(place, row) for place, row in due if isinstance(row, LeadRow)]
        tasks = [(place, row) for place, row in due if isinstance(row, TaskRow)]
        wanted = [(place, row, said) for place, row in leads if (said := self.news(row)) is not None]
        telling = {place for place, *_ in wanted}
        await self._book.change_all({place: self._later for place, _ in leads if place not in telling})
        if wanted:
            await self._tell_leads(wanted)
        for place, task in tasks:
            await self._add_task(place, task)
        if wanted or tasks:
            self._gate.passed()

    def _later(self, row: Row | None) -> Row | None:
        """Nothing to tell: looked at again in a day, since scores fade with nobody's doing."""
        if not isinstance(row, LeadRow):
            return row
        now = self._clock()
        said = self._standing(row, now)
        samples = sampled(row.samples, said.at, said.score, self._scale)
        return msgspec.structs.replace(row, due=Micros(now + DAY), samples=samples)

    async def _tell_leads(self, wanted: Sequence[tuple[Place, LeadRow, Standing]]) -> None:
        ties = [Tie(row.lead, row.record, row.email, tuple(row.basis["identities"])) for _, row, _ in wanted]
        found = await self._crm.find(ties)
        tellings: list[tuple[Place, LeadRow, Telling]] = []
        taken: set[str] = set()
        steps: dict[Place, Step] = {}
        for place, row, said in sorted(wanted, key=lambda one: (-one[2].score, one[1].lead)):
            record = _its_own(row, found.get(row.lead), taken)
            if record is None:
                steps[place] = self._unknown
                continue
            if isinstance(record, Refusal):
                steps[place] = await self._refused(place, row, None, said, record)
                continue
            taken.add(record.record)
            values = self._crm.values(said)
            if values and all(record.values.get(name, _NOTHING) == value for name, value in values.items()):
                steps[place] = self._done(row, said)
                TOLD.labels(self._name, "same").inc()
            else:
                trace = event_id(self._name, record.record, values)
                tellings.append((place, row, Telling(row.lead, record.record, values, said, trace)))
        await self._book.change_all(steps)
        if tellings:
            await self._send(tellings)

    async def _send(self, tellings: Sequence[tuple[Place, LeadRow, Telling]]) -> None:
        """A batch; where it is refused as a whole, its halves, until the record is found that is to blame."""
        try:
            results = await self._crm.tell([telling for _, _, telling in tellings])
        except BatchRefusedError as error:
            if len(tellings) > 1:
                half = len(tellings) // 2
                await self._send(tellings[:half])
                await self._send(tellings[half:])
                return
            results = [Refusal(str(error))]
        steps: dict[Place, Step] = {}
        for (place, row, telling), refusal in zip(tellings, results, strict=True):
            if refusal is None:
                steps[place] = self._done(row, telling.standing)
                TOLD.labels(self._name, "told").inc()
            else:
                steps[place] = await self._refused(place, row, telling, telling.standing, refusal)
        await self._book.change_all(steps)

    def _done(self, sent: LeadRow, said: Standing) -> Step:
        def done(row: Row | None) -> Row | None:
            if not isinstance(row, LeadRow):
                return row  # erased meanwhile
            newer = row.change != sent.change
            return msgspec.structs.replace(
                row,
                told=said,
                samples=sampled(row.samples, said.at, said.score, self._scale),
                due=row.due if newer else Micros(said.at + DAY),
                attempts=0,
                parked=None,
            )

        return done

    def _unknown(self, row: Row | None) -> Row | None:
        """The CRM has no such person, and gets none from us; perhaps somebody enters them one day."""
        if not isinstance(row, LeadRow):
            return row
        TOLD.labels(self._name, "unknown").inc()
        return msgspec.structs.replace(row, due=Micros(self._clock() + DAY))

    async def _refused(
        self, place: Place, row: LeadRow, telling: Telling | None, said: Standing, refusal: Refusal
    ) -> Step:
        """Tried again where that may help; else parked, once for each reason, until the lead changes."""
        again = refusal.again and row.attempts + 1 < _ATTEMPTS
        if not again and row.parked != refusal.reason:
            values = {} if telling is None else dict(telling.values)
            trace = (
                event_id(self._name, row.lead, said.score, said.tier) if telling is None else telling.trace
            )
            record = row.record if telling is None else telling.record
            await self._park(place, trace, row.lead, record, values, refusal.reason)
        TOLD.labels(self._name, "again" if again else "parked").inc()
        wait = int(backoff_s(row.attempts + 1) * SECOND) if again else DAY

        def refused(held: Row | None) -> Row | None:
            if not isinstance(held, LeadRow):
                return held
            return msgspec.structs.replace(
                held,
                due=held.due if held.change != row.change else Micros(self._clock() + wait),
                attempts=held.attempts + 1 if again else 0,
                # asked for again meanwhile: if it is refused once more, that is parked anew
                parked=held.parked if again or (row.parked and held.parked is None) else refusal.reason,
            )

        return refused

    async def _park(
        self, place: Place, trace: str, lead: str, record: str | None, told: dict[str, Any], reason: str
    ) -> None:
        """Unless its row is gone: the lead was erased while the CRM was asked, and nothing is kept of it."""
        if self._book.get(place) is not None:
            await self._parking.park(trace, self._name, lead, record, told, reason)

    async def _add_task(self, place: Place, row: TaskRow) -> None:
        if row.done:
            await self._book.change_all({place: lambda _: None})
            return
        tie = self._tie(place[0], row)
        found = (await self._crm.find([tie])).get(row.lead)
        now = self._clock()
        if found is None and now < row.expires:
            await self._book.change_all({place: _task_due(Micros(now + _TASK_AGAIN))})
            return
        refusal: Refusal | None
        if isinstance(found, Found):
            await self._book.change_all({place: _task_begun})
            task = Task(row.id, found.record, row.subject, row.text, row.deadline)
            refusal = await self._crm.add_task(task, again=row.begun)
        else:
            refusal = found or Refusal("the CRM doesn't know this lead")
        if refusal is not None and refusal.again and row.attempts + 1 < _ATTEMPTS:
            wait = int(backoff_s(row.attempts + 1) * SECOND)
            await self._book.change_all({place: _task_due(Micros(now + wait), attempts=1)})
            return
        if refusal is not None:
            told = {"subject": row.subject}
            await self._park(place, row.id, row.lead, row.record, told, refusal.reason)
        TOLD.labels(self._name, "task" if refusal is None else "parked").inc()
        await self._book.change_all({place: _task_done})

    def _tie(self, partition: int, task: TaskRow) -> Tie:
        """By what is known of the lead now; where nothing is, by what the alert said."""
        lead = self._book.get((partition, lead_key(task.lead, self._name)))
        if isinstance(lead, LeadRow):
            return Tie(lead.lead, lead.record, lead.email, tuple(lead.basis["identities"]))
        return Tie(task.lead, task.record, task.email, task.identities)


def _its_own(row: LeadRow, found: Found | Refusal | None, taken: set[str]) -> Found | Refusal | None:
    """The record that was found, unless it is another lead's: two would take turns with their scores."""
    if isinstance(found, Found):
        if found.lead and found.lead != row.lead and found.lead not in row.basis["identities"]:
            return Refusal("the record bears another lead's score: make the two one, there or here")
        if found.record in taken:
            return Refusal("two leads have this record: make them one with an alias event")
    return found


def _task_due(due: Micros, attempts: int = 0) -> Step:
    def later(row: Row | None) -> Row | None:
        if not isinstance(row, TaskRow):
            return row
        return msgspec.structs.replace(row, due=due, attempts=row.attempts + attempts)

    return later


def _task_done(row: Row | None) -> Row | None:
    return msgspec.structs.replace(row, done=True, due=row.expires) if isinstance(row, TaskRow) else row


def _task_begun(row: Row | None) -> Row | None:
    return msgspec.structs.replace(row, begun=True) if isinstance(row, TaskRow) else row
