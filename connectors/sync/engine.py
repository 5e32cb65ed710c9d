"""The engine: takes scores and alerts into rows, and lets each CRM's reading and telling work on them."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from connectors.hang_up import end
from connectors.sync.book import Book, Step
from connectors.sync.crm import Crm, Destination, Directory
from connectors.sync.gate import Gate
from connectors.sync.looking_up import LookingUp
from connectors.sync.parking import Parking, Request, asked_again
from connectors.sync.reading import Publish, Reading
from connectors.sync.rows import CursorRow, LeadRow, Row, TaskRow, decode, lead_key, task_key
from connectors.sync.telling import Teller
from connectors.sync.words import task_subject, task_text
from scorer.durations import parse_duration
from scorer.plan import Plan
from scorer.profile import standing
from scorer.reading import Reader
from scorer.times import DAY, SECOND, Micros, format_time, parse_time

_KEPT: Final = frozenset(
    {
        "lead_id",
        "score",
        "tier",
        "as_of",
        "grid",
        "version",
        "contributions",
        "fading",
        "pending",
        "identities",
    }
)
"""What of a score record is needed to tell of it at any later moment."""
_TASK_LASTS: Final = 2 * DAY

_log: Final = logging.getLogger(__name__)


class Surroundings(msgspec.Struct, frozen=True):
    """What the engine works with; a test gives it its own."""

    plan: Callable[[], Plan]
    """The grid in force."""
    publish: Publish
    parking: Parking
    erased: Callable[[str], bool]
    clock: Callable[[], Micros]
    partitions: int
    settle_s: float
    scores: str
    """The topics' full names."""
    alerts: str
    parked: str
    look_s: float = 0.2
    """How often, by the wall's clock, it is looked whether something is due."""


class Engine:
    """The work of a `durable.Member` over scores and alerts."""

    def __init__(self, book: Book, crms: Mapping[str, tuple[Destination, Crm]], around: Surroundings) -> None:
        self._book = book
        self._around = around
        self._destinations = [
            one for one, _ in crms.values() if one.writes is not None or one.kind.limits.looks_up
        ]
        self.tellers: dict[str, Teller | LookingUp] = {}
        self._readings: list[Reading] = []
        for name, (destination, crm) in crms.items():
            gate = Gate(name, around.clock)
            if destination.writes is not None:
                self.tellers[name] = Teller(
                    destination,
                    destination.writes,
                    crm,
                    book,
                    gate,
                    around.parking,
                    self._read,
                    lambda: around.plan().labels,
                    around.clock,
                    around.look_s,
                )
            if destination.reads is not None and destination.kind.limits.looks_up:
                self.tellers[name] = LookingUp(
                    destination,
                    destination.reads,
                    cast("Directory", crm),
                    book,
                    gate,
                    around.publish,
                    around.erased,
                    around.clock,
                    around.look_s,
                )
            elif destination.reads is not None:
                self._readings.append(
                    Reading(
                        destination,
                        destination.reads,
                        crm,
                        book,
                        gate,
                        around.publish,
                        around.erased,
                        around.partitions,
                        around.clock,
                        around.look_s,
                    )
                )
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Lets reading and telling begin; they wait until rows are there."""
        jobs: list[Teller | LookingUp | Reading] = [*self.tellers.values(), *self._readings]
        self._tasks = [asyncio.create_task(job.run(), name=type(job).__name__) for job in jobs]

    async def stop(self) -> None:
        """Ends what is under way: rows say what was left to do."""
        await end(*self._tasks)

    async def gained(self, partition: int) -> None:
        """Rows are restored."""
        self._book.gained(partition)

    def lost(self, partitions: Sequence[int]) -> None:
        """Somebody else's now."""
        self._book.lost(partitions)

    def lead_of(self, key: str, row: bytes) -> str:
        """Whose row it is; a cursor is nobody's."""
        found = decode(row)
        return "" if isinstance(found, CursorRow) else found.lead

    def forgot(self, partition: int, keys: Sequence[str]) -> None:
        """What was due of them is passed over, since rows are looked up when they are."""

    async def go_on(self) -> None:
        """Reading and telling go on by themselves; what ended one of them ends us."""
        for task in self._tasks:
            if task.done():
                task.result()

    async def take(self, partition: int, records: Sequence[Any]) -> None:
        """Scores and alerts become rows; of what is asked for again the row is due."""
        steps: dict[str, Step] = {}
        for record in records:
            if record.key is None:
                continue
            if record.topic == self._around.scores:
                steps |= self._score(record.key.decode(errors="replace"), record.value)
        if steps:
            await self._book.change(partition, steps)
        steps = {}
        for record in records:
            if record.topic == self._around.alerts and record.value is not None:
                steps |= self._alert(partition, record.value)
        if steps:
            await self._book.change(partition, steps)
        steps = {}
        for record in records:
            if record.topic == self._around.parked and (asked := asked_again(record.value)) is not None:
                steps |= self._again(partition, asked)
        if steps:
            await self._book.change(partition, steps)
        for teller in self.tellers.values():
            teller.wake.set()

    def _score(self, lead: str, value: bytes | None) -> dict[str, Step]:
        if value is None or self._around.erased(lead):  # it waited here longer than the lead was known
            return {lead_key(lead, one.name): lambda _: None for one in self._destinations}
        try:
            told = msgspec.json.decode(value)
            basis = {name: told[name] for name in _KEPT}
            traits = told["traits"]
            parse_time(told["as_of"])
        except (msgspec.DecodeError, KeyError, TypeError, ValueError):
            _log.warning("a record of %s is no score", self._around.scores)
            return {}
        steps: dict[str, Step] = {}
        for destination in self._destinations:
            record, email = _ties(destination, traits)
            key = lead_key(lead, destination.name)
            asked = destination.kind.limits.looks_up
            known = {name: text for name in asked if (text := _text(traits.get(name))) is not None}
            steps[key] = self._scored(destination, lead, basis, record, email, known)
        return steps

    def _scored(
        self,
        destination: Destination,
        lead: str,
        basis: dict[str, Any],
        record: str | None,
        email: str | None,
        known: dict[str, str],
    ) -> Step:
        settled = Micros(self._around.clock() + int(self._around.settle_s * SECOND))
        teller = self.tellers[destination.name]

        def scored(row: Row | None) -> Row | None:
            if record is None and email is None:
                return None  # nobody that a CRM could know
            held = row if isinstance(row, LeadRow) else None
            if held is None:
                held = LeadRow(lead=lead, destination=destination.name, basis=basis)
            elsewhere = (held.record, held.email) != (record, email)
            made = msgspec.structs.replace(
                held,
                basis=basis,
                record=record,
                email=email,
                known=known,
                change=held.change + 1,
                told=None if elsewhere and held.record != record else held.told,
            )
            if elsewhere or (teller.news(made) is not None and held.parked is None):
                made.due = settled if made.due is None else min(made.due, settled)
                made.attempts = 0
            if held.parked is not None and (elsewhere or basis["tier"] != held.basis["tier"]):
                made.due, made.parked = settled, None
            return made

        return scored

    def _alert(self, partition: int, value: bytes) -> dict[str, Step]:
        try:
            told = msgspec.json.decode(value)
            id_, lead, at = told["id"], told["lead_id"], parse_time(told["at"])
            wanted = [_task_of(one["task"]) for one in told["do"] if "task" in one]
            withdrawn = told.get("withdrawn")
            expires = parse_time(told["expires"]) if told.get("expires") else at + _TASK_LASTS
            starts = parse_time(told["due"]) if told.get("due") else at
            traits = dict(told["traits"])
        except (msgspec.DecodeError, KeyError, TypeError, ValueError):
            _log.warning("a record of %s is no alert", self._around.alerts)
            return {}
        steps: dict[str, Step] = {}
        for destination in () if self._around.erased(lead) else self._destinations:
            if destination.writes is None or not destination.writes.tasks:
                continue
            if withdrawn:
                steps[task_key(str(withdrawn), destination.name)] = _unless_begun
                continue
            if not wanted or expires < self._around.clock():
                continue
            row = self._book.get((partition, lead_key(lead, destination.name)))
            # its score may come later: Kafka hands topics out in no order, most of all after a pause
            known = row if isinstance(row, LeadRow) else None
            record, email = (known.record, known.email) if known else _ties(destination, traits)
            if record is not None or email is not None:
                language = destination.writes.language
                task = TaskRow(
                    lead=lead,
                    destination=destination.name,
                    id=id_,
                    subject=task_subject([what for what, _ in wanted], told, language),
                    text=task_text(told, language),
                    deadline=Micros(starts + min(within for _, within in wanted)),
                    expires=Micros(expires),
                    due=Micros(starts),
                    record=record,
                    email=email,
                    identities=tuple(known.basis["identities"]) if known else (lead,),
                )
                steps[task_key(id_, destination.name)] = _first(task)
        return steps

    def _again(self, partition: int, asked: Request) -> dict[str, Step]:
        """A task where it is one's id; else the lead is told of."""
        now = self._around.clock()
        for key in (
            task_key(asked.id, asked.destination),
            lead_key(asked.lead_id, asked.destination),
        ):
            if self._book.get((partition, key)) is not None:
                return {key: lambda row: _due_again(row, now)}
        _log.warning("%s for %s is asked for again, and no longer known", asked.id, asked.destination)
        return {}

    def _read(self, record: Mapping[str, Any], moment: int) -> dict[str, Any]:
        """A score record at a moment; without what would be next, which takes longer to work out."""
        plan = self._around.plan()
        moment = max(moment, parse_time(record["as_of"]))
        stood = standing(Reader(plan).terms(dict(record)), plan, moment)
        faded = {"score": stood.total, "contributions": stood.contributions, "as_of": format_time(moment)}
        return {**record, **faded}


def _task_of(what: Any) -> tuple[str, int]:
    """What is to be done, and within how long: `call`, `{call: …, within: 4h}`, `{do: …}`."""
    if isinstance(what, str):
        return what, DAY
    return str(what.get("call") or what["do"]), int(parse_duration(what.get("within", "1d")) * SECOND)


def _first(task: TaskRow) -> Step:
    return lambda row: task if row is None else row


def _due_again(row: Row | None, now: Micros) -> Row | None:
    if isinstance(row, LeadRow):
        return msgspec.structs.replace(row, due=now, attempts=0, parked=None, change=row.change + 1)
    if isinstance(row, TaskRow):
        return msgspec.structs.replace(row, due=now, attempts=0, done=False)
    return row


def _unless_begun(row: Row | None) -> Row | None:
    """The alert was taken back: no task, unless somebody may have it already."""
    return row if isinstance(row, TaskRow) and row.begun else None


def _ties(destination: Destination, traits: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """By what a CRM may know somebody: a record's id, an e-mail."""
    email = _text(traits.get(destination.email_trait)) if destination.email_trait else None
    return _text(traits.get(destination.record_trait)), email


def _text(value: Any) -> str | None:
    """A trait that is a text or a number, such as an id."""
    if isinstance(value, str):
        return value.strip() or None
    return str(value) if type(value) is int else None
