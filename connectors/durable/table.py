"""Rows on a compacted topic: held in memory, each change acknowledged by Kafka before it counts.

A partition has one owner at a time, which writes a fence before it reads. What a former owner still writes
bears an older mark, and is put right again by the next restore; an owner that finds others' records between
its own learns that it is the former one.
"""

import asyncio
import os
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from connectors.durable.errors import NotOursError, OvertakenError
from connectors.hang_up import hang_up
from scorer.brokers import connection
from scorer.times import Micros

_OWNER: Final = "leadheat.owner"
"""Header of each record: the mark of who wrote it."""
_FENCE: Final = b"\0owner"
"""Key of the record by which an owner begins, no row's."""
_PROBE: Final = b"\0probe"
"""Key of the record by which somebody asks where a partition ends."""
_FETCH_MS: Final = 500
_STOP_WITHIN_S: Final = 5.0
_MARK: Final = struct.Struct(">Q8s")

Row = bytes
Changes = Mapping[str, Row | None]
"""Rows by their keys; None: gone."""
_Mark = tuple[int, bytes]
"""An epoch, and what tells owners of one epoch apart."""
_NOBODY: Final[_Mark] = (0, b"")


@dataclass
class _Held:
    """A partition of ours."""

    mark: _Mark
    rows: dict[str, Row]
    next_offset: int
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)


class Table:
    """The rows of those partitions that are ours."""

    def __init__(self, kafka: str, topic: str, client_id: str, clock: Callable[[], Micros]) -> None:
        self.topic = topic
        self._kafka = kafka
        self._client_id = client_id
        self._clock = clock
        self._producer: Any = None
        self._held: dict[int, _Held] = {}
        self._former: dict[int, _Held] = {}

    async def start(self) -> None:
        """Connects; KafkaError where nobody answers."""
        self._producer = AIOKafkaProducer(
            **connection(self._kafka), client_id=self._client_id, acks="all", linger_ms=0
        )
        await self._producer.start()

    async def stop(self) -> None:
        """Hangs up."""
        self._held.clear()
        if self._producer is not None:
            await hang_up(self._producer.stop(), _STOP_WITHIN_S)

    async def own(self, partition: int) -> None:
        """Becomes the partition's owner, and reads its rows. KafkaError where the broker is away.

        The fence comes first: what stands before it is all that former owners may have said. Rows that one of
        them wrote behind a later owner's fence are written again as they must be.
        """
        former = self._former.pop(partition, None)
        if former is not None and await self._send(partition, {_FENCE: b"again"}, former.mark) == (
            former.next_offset
        ):
            former.next_offset += 1  # nobody has written since
            self._held[partition] = former
            return
        # What it is given tells where a partition ends: the embedded broker's ListOffsets is wrong about it.
        log = _Log()
        end = await self._send(partition, {_PROBE: None}, _NOBODY)
        await self._read(partition, log, 0, end)
        mark = (log.mark[0] + 1, os.urandom(8))
        fence = await self._send(partition, {_FENCE: b"owned"}, mark)
        await self._read(partition, log, end, fence + 1)
        self._held[partition] = _Held(mark, log.rows, fence + 1)
        await self.put(partition, {key: log.rows.get(key) for key in sorted(log.stale)})

    def disown(self, partitions: Iterable[int]) -> None:
        """These partitions are somebody else's now, or may be."""
        for partition in partitions:
            if (held := self._held.pop(partition, None)) is not None and not held.writing.locked():
                self._former[partition] = held

    @property
    def partitions(self) -> frozenset[int]:
        """Those that are ours."""
        return frozenset(self._held)

    def rows(self, partition: int) -> Mapping[str, Row]:
        """A partition's rows by their keys; KeyError unless it is ours."""
        return self._held[partition].rows

    def items(self) -> Iterator[tuple[int, str, Row]]:
        """All rows of ours, with their partitions."""
        for partition, held in self._held.items():
            for key, row in held.rows.items():
                yield partition, key, row

    async def put(self, partition: int, changes: Changes) -> None:
        """Changes rows: returns once Kafka has all of them, and only then do they count.

        NotOursError where the partition is not ours (any more), OvertakenError where another owner has
        written to it; KafkaError where Kafka doesn't acknowledge: then they may stand there all the same, and
        the partition must be owned anew.
        """
        if not changes:
            return
        held = self._held.get(partition)
        if held is None:
            raise NotOursError(f"{self.topic}/{partition} is not ours")
        async with held.writing:
            encoded = {key.encode(): row for key, row in changes.items()}
            last = await self._send(partition, encoded, held.mark)
            if self._held.get(partition) is not held:
                raise NotOursError(f"{self.topic}/{partition} is not ours any more")
            if last != held.next_offset + len(changes) - 1:
                del self._held[partition]
                raise OvertakenError(f"{self.topic}/{partition}: somebody else has written to it")
            held.next_offset = last + 1
            for key, row in changes.items():
                if row is None:
                    held.rows.pop(key, None)
                else:
                    held.rows[key] = row

    async def _send(self, partition: int, records: Mapping[bytes, Row | None], mark: _Mark) -> int:
        """Writes records in order; the last one's offset."""
        stamp = self._clock() // 1_000
        headers = [(_OWNER, _MARK.pack(*mark))] if mark != _NOBODY else []
        waiting = [
            await self._producer.send(
                self.topic, row, key=key, partition=partition, timestamp_ms=stamp, headers=headers
            )
            for key, row in records.items()
        ]
        written = await asyncio.gather(*waiting)
        return int(written[-1].offset)

    async def _read(self, partition: int, log: "_Log", start: int, end: int) -> None:
        """Reads a partition from an offset up to another one."""
        here = TopicPartition(self.topic, partition)
        consumer = AIOKafkaConsumer(
            **connection(self._kafka), client_id=self._client_id, auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            consumer.assign([here])
            consumer.seek(here, start)
            while await consumer.position(here) < end:
                fetched = await consumer.getmany(here, timeout_ms=_FETCH_MS)
                for record in fetched.get(here, ()):
                    if record.offset < end:
                        log.take(record)
        finally:
            await hang_up(consumer.stop(), _STOP_WITHIN_S)


class _Log:
    """Goes through a partition's records, in order."""

    def __init__(self) -> None:
        self.mark = _NOBODY
        self.rows: dict[str, Row] = {}
        self.stale: set[str] = set()
        """Keys whose last record is a former owner's, written behind a later owner's fence."""

    def take(self, record: Any) -> None:
        """One record."""
        mark = _mark_of(record.headers)
        if record.key == _FENCE:
            self.mark = mark if mark[0] >= self.mark[0] else self.mark
            return
        if record.key == _PROBE:
            return
        key = record.key.decode(errors="replace")
        if mark[0] < self.mark[0] or (mark[0] == self.mark[0] and mark != self.mark):
            self.stale.add(key)
            return
        self.stale.discard(key)
        if record.value is None:
            self.rows.pop(key, None)
        else:
            self.rows[key] = record.value


def _mark_of(headers: Iterable[tuple[str, bytes]]) -> _Mark:
    """Who wrote a record; nobody, where it doesn't say: then it counts like the first owner's."""
    for name, value in headers:
        if name == _OWNER and len(value) == _MARK.size:
            epoch, salt = _MARK.unpack(value)
            return int(epoch), bytes(salt)
    return _NOBODY
