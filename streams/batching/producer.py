"""Sends many records to one partition as record batches, one after another."""

import asyncio
import socket
import struct
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.client import ConnectionGroup
from aiokafka.protocol.produce import ProduceRequest
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.batching.consumer import BatchConsumer
from streams.batching.lease import Lease
from streams.batching.sole_writer import SoleWriter
from streams.ending import die
from streams.errors import StalledError, WriteError

_ASK_AGAIN_S: Final = 0.05


class Outgoing(msgspec.Struct, frozen=True, gc=False):
    """A record to be sent; `timestamp_ms` None: now."""

    key: bytes | None
    value: bytes | None
    timestamp_ms: int | None = None
    headers: tuple[tuple[str, bytes], ...] = ()

    @property
    def size(self) -> int:
        """Bytes of key, value and headers."""
        size = len(self.key or b"") + len(self.value or b"")
        if self.headers:
            size += sum(len(name) + len(value) for name, value in self.headers)
        return size


class GuardedProducer(AIOKafkaProducer):  # type: ignore[misc]
    """aiokafka's producer, which sends nothing but under the lease, and watches that it writes alone.

    What is handed to it is sent by a task of its own, at a moment of its own: the one that counts.
    """

    def guard(self, lease: Lease, sole_writer: SoleWriter) -> "GuardedProducer":
        """To be called before it is started."""
        send, produce = self.client.send, self._sender._send_produce_req

        async def guarded_send(node: Any, request: Any, *, group: Any = ConnectionGroup.DEFAULT) -> Any:
            if isinstance(request, ProduceRequest):
                await self.client.ready(node, group=group)  # connected, it is sent without another wait
                while not lease.holds():  # a heartbeat may be late; who waits for the answer has a deadline
                    await asyncio.sleep(_ASK_AGAIN_S)
                    await self.client.ready(node, group=group)
                _drop_at_end(self.client, node, group)
                lease.on_their_way += 1
                try:
                    return await send(node, request, group=group)
                finally:
                    lease.on_their_way -= 1
            return await send(node, request, group=group)

        async def watched_produce(node: Any, batches: Any) -> None:
            states = {tp: batch for tp, batch in batches.items() if tp.topic == sole_writer.topic}
            for tp, batch in states.items():
                if batch.retry_count > 1:  # counts the tries, this one too
                    sole_writer.sent_again(tp.partition, batch.record_count)
            await produce(node, batches)
            for tp, batch in states.items():
                if (answer := batch.future).done() and not answer.cancelled() and answer.exception() is None:
                    try:
                        sole_writer.acknowledged(tp.partition, answer.result().offset, batch.record_count)
                    except StalledError as error:
                        die(error)

        self.client.send = guarded_send
        self._sender._send_produce_req = watched_produce
        return self


def _drop_at_end(client: Any, node: Any, group: Any) -> None:
    """What the kernel holds of a connection goes with the process; else it would send it on, however late."""
    connection = client._conns.get((node, group))
    if connection is not None and connection._writer is not None:
        connection._writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )


class BatchProducer(driver.Producer):  # type: ignore[misc]
    """Faust's producer, and past its buffer, which drops what it holds when a single record is too large."""

    _producer_type = GuardedProducer

    def _new_producer(self, transactional_id: str | None = None) -> Any:
        return super()._new_producer(transactional_id).guard(self.transport.lease, self.transport.sole_writer)

    async def send_records(
        self, topic: str, partition: int, records: Iterable[Outgoing], max_record_bytes: int
    ) -> None:
        """Sends records in order and returns once the broker has them all; what it refuses is not passed by.

        So a record batch goes out only after the one before it was acknowledged.
        """
        producer = self._ensure_producer()
        batch = producer.create_batch()
        for record in records:
            if record.size > max_record_bytes:
                raise WriteError(
                    f"a record of {record.size} bytes for {topic}-{partition}: at most {max_record_bytes}"
                )
            if not _append(batch, record):
                await (await producer.send_batch(batch, topic, partition=partition))
                batch = producer.create_batch()
                _append(batch, record)  # a batch takes its first record whatever its size
        if batch.record_count():
            await (await producer.send_batch(batch, topic, partition=partition))

    async def flush(self) -> None:
        """Nothing to wait for: a batch is acknowledged only after all that it sent was."""


def _append(batch: Any, record: Outgoing) -> bool:
    headers = list(record.headers)
    sent = batch.append(timestamp=record.timestamp_ms, key=record.key, value=record.value, headers=headers)
    return sent is not None


class BatchTransport(driver.Transport):  # type: ignore[misc]
    """Faust's transport with our consumer and producer, and what the consumer must be told."""

    Consumer = BatchConsumer
    Producer = BatchProducer

    fetch_wait_ms: int = 20
    lease: Lease
    sole_writer: SoleWriter

    def enough(self, tp: TP) -> bool:
        """Whether the agent has enough of a partition for now. Replaced by the application."""
        return False

    async def release(self) -> None:
        """Called before partitions go: the agent ends its work. Replaced by the application."""
