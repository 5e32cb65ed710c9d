"""Imports archives: row by row onto the in-topics, in batches that the broker has before the next."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final

from connectors.ingest.config import GatewayConfig
from connectors.ingest.errors import BrokerAwayError
from connectors.ingest.producer import EventProducer, Outgoing
from deploy.history import taken_down
from deploy.history.archive import Archive
from deploy.history.errors import ImportStoppedError
from deploy.history.formats import Reading
from deploy.history.records import Stamp
from deploy.history.rejected import Rejected
from deploy.history.taken_down import Taken
from deploy.history.tally import Tally
from scorer.errors import EventError
from scorer.event import decode
from scorer.times import SECOND, Micros, format_time

_BATCH_RECORDS: Final = 500
_MOST_OF_A_KEY: Final = 32
"""Records of one id in a batch: of one that is sent again, the lead must still remember the ids, 64."""
_BATCH_BYTES: Final = 4_000_000
_AWAY_WITHIN_S: Final = 60.0
_LOOK_EVERY_S: Final = 0.5
_MARGIN_S: Final = 60
"""Longer than a worker takes to count what the broker has."""
_FIRST_GUESS_BYTES_S: Final = 500_000
"""What an import reads in a second, before it is known."""


@dataclass
class _Batch:
    records: list[Outgoing] = field(default_factory=list)
    keys: Counter[bytes | None] = field(default_factory=Counter)
    most_of_a_key: int = 0
    size: int = 0

    def add(self, records: Sequence[Outgoing]) -> None:
        for record in records:
            self.records.append(record)
            self.keys[record.key] += 1
            self.most_of_a_key = max(self.most_of_a_key, self.keys[record.key])
            self.size += len(record.value)

    @property
    def full(self) -> bool:
        return (
            len(self.records) >= _BATCH_RECORDS
            or self.size >= _BATCH_BYTES
            or self.most_of_a_key >= _MOST_OF_A_KEY
        )


class Importing:
    """One run of an import."""

    def __init__(
        self,
        archives: Sequence[tuple[Archive, Reading]],
        stamp: Stamp,
        clock: Callable[[], Micros],
        progress: Callable[[int], None],
    ) -> None:
        """`progress` is told how many bytes have been read in all."""
        self._archives = archives
        self._stamp = stamp
        self._clock = clock
        self._progress = progress
        self._began = time.monotonic()
        self.tally = Tally()

    async def run(self, config: GatewayConfig, *, again: bool) -> None:
        """Imports what was not imported before, or with `again` everything."""
        before = {} if again else await taken_down.taken(config.kafka, config.topic_prefix)
        producer = EventProducer(config)
        async with AsyncExitStack() as stack:
            await producer.start()
            stack.push_async_callback(producer.stop)
            for archive, reading in self._archives:
                await self._import(archive, reading, producer, before.get(archive.digest))

    async def dry_run(self) -> None:
        """Only counts."""
        for archive, reading in self._archives:
            await self._import(archive, reading, None, None)

    async def _import(
        self, archive: Archive, reading: Reading, producer: EventProducer | None, before: Taken | None
    ) -> None:
        batch, line = _Batch(), before.line if before else 0
        with Rejected(archive.path, writes=producer is not None, goes_on=before is not None) as rejected:
            for line, row in reading.rows(archive):
                if before and line <= before.line:
                    self.tally.before += 1
                    continue
                self.tally.rows += 1
                try:
                    batch.add(self._records(archive, reading, line, row))
                except EventError as error:
                    self.tally.reject(str(error))
                    rejected.write(line, str(error), row)
                if batch.full:
                    rejected.flush()
                    await self._send(producer, archive, batch, line, done=False)
                    batch = _Batch()
            if not (before and before.done):
                await self._send(producer, archive, batch, line, done=True)

    def _records(self, archive: Archive, reading: Reading, line: int, row: bytes) -> list[Outgoing]:
        until = self._silent_until()
        records = []
        for number, raw in enumerate(reading.events(row)):
            records.append(self._stamp.record(raw, f"{archive.digest}:{line}:{number}", until))
        for record in records:
            self.tally.count(decode(record.value).type, record.key or b"")
        return records

    async def _send(
        self, producer: EventProducer | None, archive: Archive, batch: _Batch, line: int, *, done: bool
    ) -> None:
        """Has the broker take a batch, which goes up to a line, and then takes that down."""
        if producer is not None:
            await _publish(producer, batch.records)
            told = Taken(archive.path.name, line, done, format_time(self._clock()))
            await _publish(producer, [taken_down.record(archive.digest, told)])
        self._progress(self._read)

    @property
    def _read(self) -> int:
        return sum(archive.read_bytes for archive, _ in self._archives)

    def _silent_until(self) -> Micros:
        """When the worker will have it all, as far as that can be told now."""
        took = time.monotonic() - self._began
        left = sum(archive.size for archive, _ in self._archives) - self._read
        speed = self._read / took if took > 1 and self._read else _FIRST_GUESS_BYTES_S
        return Micros(self._clock() + int((left / speed + _MARGIN_S) * SECOND))


async def _publish(producer: EventProducer, records: Sequence[Outgoing]) -> None:
    """Returns when the broker has them; what it may have already is sent again, under the same ids."""
    deadline = time.monotonic() + _AWAY_WITHIN_S
    while True:
        try:
            return await producer.publish(records)
        except BrokerAwayError as error:
            if time.monotonic() > deadline:
                raise ImportStoppedError(f"{error}: start the same command again, and it goes on") from error
            await asyncio.sleep(_LOOK_EVERY_S)
