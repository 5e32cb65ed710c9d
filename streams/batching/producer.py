"""Sends many records to one partition as record batches, each acknowledged by a future."""

import asyncio
from collections.abc import Iterable
from typing import Any, NamedTuple

from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.batching.consumer import BatchConsumer
from streams.errors import WriteError


class Outgoing(NamedTuple):
    """A record to be sent; `timestamp_ms` None: now."""

    key: bytes | None
    value: bytes | None
    timestamp_ms: int | None = None
    headers: tuple[tuple[str, bytes], ...] = ()

    @property
    def size(self) -> int:
        """Bytes of key, value and headers."""
        headers = sum(len(name) + len(value) for name, value in self.headers)
        return len(self.key or b"") + len(self.value or b"") + headers


class BatchProducer(driver.Producer):  # type: ignore[misc]
    """Faust's producer, and past its buffer, which drops what it holds when a single record is too large."""

    async def send_records(
        self, topic: str, partition: int, records: Iterable[Outgoing], max_record_bytes: int
    ) -> list[asyncio.Future[Any]]:
        """Hands records over to be sent, in order; a future of the broker's answer for each record batch."""
        producer = self._ensure_producer()
        sent: list[asyncio.Future[Any]] = []
        batch = producer.create_batch()
        for record in records:
            if record.size > max_record_bytes:
                raise WriteError(
                    f"a record of {record.size} bytes for {topic}-{partition}: at most {max_record_bytes}"
                )
            if not _append(batch, record):
                sent.append(await producer.send_batch(batch, topic, partition=partition))
                batch = producer.create_batch()
                _append(batch, record)  # a batch takes its first record whatever its size
        if batch.record_count():
            sent.append(await producer.send_batch(batch, topic, partition=partition))
        return sent

    async def flush(self) -> None:
        """Nothing to wait for: a batch is acknowledged only after all that it sent was."""


def _append(batch: Any, record: Outgoing) -> bool:
    key, value, timestamp, headers = record
    return batch.append(timestamp=timestamp, key=key, value=value, headers=list(headers)) is not None


class BatchTransport(driver.Transport):  # type: ignore[misc]
    """Faust's transport with our consumer and producer, and what the consumer must be told."""

    Consumer = BatchConsumer
    Producer = BatchProducer

    fetch_wait_ms: int = 20

    def enough(self, tp: TP) -> bool:
        """Whether the agent has enough of a partition for now. Replaced by the application."""
        return False

    async def release(self) -> None:
        """Called before partitions go: the agent ends its work. Replaced by the application."""
