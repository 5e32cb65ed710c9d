"""Assigns leads and keeps tasks: reads alerts and answers, writes rows, tells of what nobody has done."""

import asyncio
import heapq
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaProducer

from connectors.durable.erasures import Erasures
from connectors.durable.errors import NotOursError
from connectors.durable.follower import Follower
from connectors.durable.member import Member
from connectors.durable.table import Table
from connectors.hang_up import hang_up
from connectors.office import desk
from connectors.office.assignment import Book
from connectors.office.config import OfficeConfig
from connectors.office.rows import Assigned, Row, Task, assigned_key, dump, load
from scorer.brokers import connection
from scorer.times import Micros
from scorer.topics import ALERTS, OUTCOMES, TASKS, full_name

_STOP_WITHIN_S: Final = 5.0
_log: Final = logging.getLogger(__name__)


class Office:
    """The work of a member of the office's group."""

    def __init__(self, config: OfficeConfig) -> None:
        self._config = config
        self._alerts = full_name(config.topic_prefix, ALERTS)
        self._outcomes = full_name(config.topic_prefix, OUTCOMES)
        tasks = full_name(config.topic_prefix, TASKS)
        self._table = Table(config.kafka, tasks, "leadheat-office", config.clock)
        self._erasures = Erasures(config.kafka, config.topic_prefix, config.erasure_key)
        self._book = Book()
        self._follower = Follower(config.kafka, tasks, "leadheat-office", self._note)
        self._producer = AIOKafkaProducer(
            **connection(config.kafka), client_id="leadheat-office", acks="all", linger_ms=0
        )
        self._rows: dict[int, dict[str, Row]] = {}
        self._of_lead: dict[int, dict[str, set[str]]] = {}
        self._moments: dict[int, list[tuple[Micros, str]]] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`. KafkaError where no broker answers; OvertakenError where another office is at it."""
        group = f"{self._config.topic_prefix}-office"
        topics = [self._alerts, self._outcomes]
        member = Member(
            self._config.kafka, group, topics, self._table, self._erasures, self._config.session_timeout_s
        )
        try:
            await self._producer.start()
            await self._table.start()
            await self._erasures.start()
            await self._follower.start()
            await member.run(self, stop)
        finally:
            await self._follower.stop()
            await self._erasures.stop()
            await self._table.stop()
            await hang_up(self._producer.stop(), _STOP_WITHIN_S)

    async def gained(self, partition: int) -> None:
        """Takes up a partition's rows."""
        self._rows[partition] = {}
        self._of_lead[partition] = defaultdict(set)
        self._moments[partition] = []
        for key, value in self._table.rows(partition).items():
            self._index(partition, key, load(value))

    def lost(self, partitions: Sequence[int]) -> None:
        """They are somebody else's."""
        for partition in partitions:
            self._rows.pop(partition, None)
            self._of_lead.pop(partition, None)
            self._moments.pop(partition, None)

    def lead_of(self, key: str, row: bytes) -> str:
        """Whose row it is."""
        return load(row).lead

    def forgot(self, partition: int, keys: Sequence[str]) -> None:
        """Their leads were erased."""
        for key in keys:
            row = self._rows.get(partition, {}).pop(key, None)
            if row is not None:
                self._of_lead[partition][row.lead].discard(key)

    async def take(self, partition: int, records: Sequence[Any]) -> None:
        """Alerts and answers; one at a time, since what one does counts for the next."""
        for record in records:
            told = _read(record)
            if told is None:
                continue
            if record.topic == self._alerts:
                lead = told.get("lead_id")
                if not isinstance(lead, str) or told.get("escalates") or self._erasures.gone(lead):
                    continue
                changes = self._alerted(partition, told, lead)
            elif told.get("type") == "outcome":
                lead = told.get("lead_id") or told.get("anonymous_id")
                changes = desk.answered(told, self._rows_of(partition, str(lead)))
            else:
                continue
            await self._write(partition, changes)

    async def go_on(self) -> None:
        """Tells of tasks that are overdue: first tells, then writes that it did."""
        self._follower.check()
        now = self._config.clock()
        for partition, moments in list(self._moments.items()):
            while moments and moments[0][0] <= now:
                moment, key = moments[0]
                row = self._rows[partition].get(key)
                if row is not None and desk.next_moment(row) == moment:
                    await self._tell(row, now)
                    await self._write(partition, {key: desk.overdue(row, now)})
                heapq.heappop(moments)

    async def _tell(self, row: Row, now: Micros) -> None:
        alert = desk.escalation(row) if isinstance(row, Task) and row.state == "open" else None
        if alert is not None:
            value, key = msgspec.json.encode(alert), row.lead.encode()
            await self._producer.send_and_wait(self._alerts, value, key=key, timestamp_ms=now // 1_000)

    def _alerted(self, partition: int, alert: Mapping[str, Any], lead: str) -> desk.Rows:
        try:
            rows = self._rows_of(partition, lead)
            changes = desk.alerted(alert, rows, self._config.team, self._book, self._config.clock())
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            _log.warning("an alert names what can't be done: %s", type(error).__name__)
            return {}
        for row in changes.values():
            if isinstance(row, Assigned):
                self._book.note(lead, row)  # so that the next one in turn is another
        return changes

    def _rows_of(self, partition: int, lead: str) -> dict[str, Row]:
        rows = self._rows.get(partition)
        if rows is None:
            raise NotOursError(f"{self._table.topic}/{partition} is not ours any more")
        return {key: rows[key] for key in self._of_lead[partition].get(lead, ())}

    async def _write(self, partition: int, changes: Mapping[str, Row | None]) -> None:
        written = {key: None if row is None else dump(row) for key, row in changes.items()}
        await self._table.put(partition, written)
        for key, row in changes.items():
            if row is None:
                self.forgot(partition, [key])
            elif partition in self._rows:
                self._index(partition, key, row)

    def _index(self, partition: int, key: str, row: Row) -> None:
        self._rows[partition][key] = row
        self._of_lead[partition][row.lead].add(key)
        if (moment := desk.next_moment(row)) is not None:
            heapq.heappush(self._moments[partition], (moment, key))

    def _note(self, record: Any) -> None:
        """What any office wrote."""
        key = record.key.decode(errors="replace")
        if record.value is None:
            lead = key.removeprefix(assigned_key(""))
            if lead != key:
                self._book.note(lead, None)
        elif key.startswith(assigned_key("")):
            row = load(record.value)
            if isinstance(row, Assigned):
                self._book.note(row.lead, row)


def _read(record: Any) -> dict[str, Any] | None:
    try:
        return msgspec.json.decode(record.value or b"", type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None  # notify parks broken alerts, the worker broken events
