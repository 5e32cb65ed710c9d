"""Writes events to Kafka, says when the broker has them, and knows when it is away and when it is back."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Final

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError

from connectors.hang_up import end, hang_up
from connectors.ingest.config import GatewayConfig
from connectors.ingest.errors import BrokerAwayError, BusyError, RecordTooLargeError
from scorer.brokers import connection
from scorer.event import Event
from scorer.times import Micros
from scorer.topics import full_name

_log: Final = logging.getLogger(__name__)
_LOOK_EVERY_S: Final = 2.0
_LOOK_EVERY_S_WHILE_AWAY: Final = 0.25
_STOP_WITHIN_S: Final = 5.0
_BATCH_BYTES: Final = 256_000
"""Of one partition on its way; a broker takes a megabyte, aiokafka's own 16 kB would hold fast senders up."""
_RECORD_OVERHEAD: Final = 100
"""Bytes that a waiting record costs beside its value; an estimate for the bound on memory."""


_MOST_OFFERED: Final = 100
"""Records on their way that nobody waits for."""


class Outgoing(msgspec.Struct, frozen=True, gc=False):
    """A record to be: the topic by its short name."""

    topic: str
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()
    event: Event | None = None
    """What the value says, where it is an event."""
    timestamp: Micros | None = None
    """When it arrived; None: now."""


class EventProducer:
    """One Kafka producer, with a deadline on everything it is asked.

    Not idempotent: the embedded broker isn't either, and an event sent twice has one id.
    """

    def __init__(self, config: GatewayConfig) -> None:
        self._config = config
        self._producer: AIOKafkaProducer | None = None
        self._watch: asyncio.Task[None] | None = None
        self._pending_bytes = 0
        self._topics: frozenset[str] = frozenset()
        self._offered: set[asyncio.Task[None]] = set()
        self._waiting = 0
        self.ready = False
        """Whether the broker answered when last asked."""

    async def start(self) -> None:
        """Begins to look for the broker; returns once it answered, or failed to at once."""
        first = asyncio.Event()
        self._watch = asyncio.create_task(self._watch_broker(first), name="gateway watches the broker")
        await first.wait()

    async def stop(self) -> None:
        """Sends what is waiting, if the broker takes it within some seconds, and hangs up."""
        self.ready = False
        if self._watch is not None:
            await end(self._watch)
        if self._producer is not None:
            await _close(self._producer)
            self._producer = None

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Returns when the broker has all the records; BrokerAwayError: that isn't known in time."""
        if not records:
            return
        size = sum(len(record.value) + _RECORD_OVERHEAD for record in records)
        if not self.ready or self._producer is None:
            raise BrokerAwayError("the broker is away")
        if self._pending_bytes + size > self._config.max_pending_bytes:
            raise BusyError("too much is waiting for the broker")
        if self._waiting >= self._config.requests_at_once:
            raise BusyError("too many requests at once")
        self._waiting += 1
        try:
            async with asyncio.timeout(self._config.delivery_timeout_s):
                waiting = [await self._send(self._producer, record) for record in records]
                done, _ = await asyncio.wait(waiting)
        except (KafkaError, TimeoutError) as error:
            self._lose(error)
        else:
            for one in done:
                if (failed := one.exception()) is not None:
                    self._lose(failed)
        finally:
            self._waiting -= 1

    def offer(self, record: Outgoing) -> None:
        """Sends a record that nobody waits for, unless that could cost anybody anything; it may be lost."""
        known = full_name(self._config.topic_prefix, record.topic) in self._topics
        busy = (
            self._pending_bytes > self._config.max_pending_bytes // 4 or len(self._offered) >= _MOST_OFFERED
        )
        if self.ready and known and not busy and self._producer is not None:
            task = asyncio.create_task(self._offer(self._producer, record))
            self._offered.add(task)
            task.add_done_callback(self._offered.discard)

    async def _offer(self, producer: AIOKafkaProducer, record: Outgoing) -> None:
        with contextlib.suppress(KafkaError, TimeoutError):
            async with asyncio.timeout(self._config.delivery_timeout_s):
                await self._send(producer, record)

    async def _send(self, producer: AIOKafkaProducer, record: Outgoing) -> "asyncio.Future[object]":
        future: asyncio.Future[object] = await producer.send(
            full_name(self._config.topic_prefix, record.topic),
            value=record.value,
            key=record.key,
            timestamp_ms=(self._config.clock() if record.timestamp is None else record.timestamp) // 1000,
            headers=list(record.headers),
        )
        size = len(record.value) + _RECORD_OVERHEAD
        self._pending_bytes += size
        future.add_done_callback(lambda done: self._settle(done, size))
        return future

    def _settle(self, done: "asyncio.Future[object]", size: int) -> None:
        self._pending_bytes -= size
        if not done.cancelled():
            done.exception()  # marks it as seen: after a deadline nobody waits for it any more

    def _lose(self, error: BaseException) -> None:
        if isinstance(error, MessageSizeTooLargeError | RecordListTooLargeError):
            raise RecordTooLargeError("the broker takes no record of this size") from error
        if not isinstance(error, KafkaError) or error.retriable:
            self.ready = False  # until the watch finds it again: nobody else waits for the deadline
        _log.warning("the broker did not acknowledge: %s", type(error).__name__)
        raise BrokerAwayError(f"the broker did not acknowledge: {type(error).__name__}") from error

    async def _watch_broker(self, first: asyncio.Event) -> None:
        while True:
            try:
                async with asyncio.timeout(self._config.delivery_timeout_s):
                    if self._producer is None:
                        self._producer = await self._connect()
                    cluster = await self._producer.client.fetch_all_metadata()
                    self._topics = frozenset(cluster.topics())
            except (KafkaError, OSError, TimeoutError) as error:
                self._note(False, type(error).__name__)
            else:
                self._note(True)
            first.set()
            await asyncio.sleep(_LOOK_EVERY_S if self.ready else _LOOK_EVERY_S_WHILE_AWAY)

    def _note(self, ready: bool, why: str = "") -> None:
        if ready and not self.ready:
            _log.info("the broker answers")
        elif self.ready and not ready:
            _log.warning("the broker is away: %s", why)
        self.ready = ready

    async def _connect(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            **connection(self._config.kafka),
            client_id="leadheat-gateway",
            acks="all",
            linger_ms=self._config.linger_ms,
            max_batch_size=_BATCH_BYTES,
            request_timeout_ms=int(self._config.delivery_timeout_s * 1000),
        )
        try:
            await producer.start()
        except BaseException:
            await _close(producer)
            raise
        return producer


async def _close(producer: AIOKafkaProducer) -> None:
    if not await hang_up(producer.stop(), _STOP_WITHIN_S):
        _log.warning("events that the broker had not acknowledged were given up at the stop")
        await hang_up(producer.client.close(), _STOP_WITHIN_S)
