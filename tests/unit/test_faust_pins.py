"""Faust and aiokafka as they are: what our stream works round or builds on, so that an upgrade shows.

A test that fails here is no bug: look whether the way round, which each names, is still needed or right.
The names are of the project's list of rules for Faust (P1 to P36).
"""

import asyncio
import gc
import inspect
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import AsyncMock, MagicMock

import aiokafka
import faust
import faust.streams
import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import MessageSizeTooLargeError
from aiokafka.producer.message_accumulator import MessageBatch
from aiokafka.producer.sender import Sender
from faust.stores.base import Store
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport import consumer as base_consumer
from faust.transport.drivers import aiokafka as driver
from faust.transport.producer import ProducerBuffer
from faust.types import TP
from faust.types.tuples import Message

from streams.batching.consumer import BatchConsumer, BatchConsumerThread
from streams.batching.producer import BatchProducer, GuardedProducer
from streams.batching.scheduler import BatchScheduler, RawSchema
from streams.batching.store import PartitionStore

WITHIN_S = 10.0


@pytest.fixture(autouse=True)
def swept() -> Iterator[None]:
    """Parts of Faust that were never started complain as they go; let them, before others are at work."""
    yield
    gc.collect()


VIEWS, CHANGELOG = TP("views", 0), TP("leads-changelog", 0)


def new_app(**settings: Any) -> Any:
    """An application that never meets a broker."""
    return faust.App("pins", broker="kafka://127.0.0.1:9", **settings)


def new_consumer() -> Any:
    transport = new_app().transport
    nothing = AsyncMock()
    return driver.Consumer(
        transport, callback=nothing, on_partitions_revoked=nothing, on_partitions_assigned=nothing
    )


# Commits


@pytest.mark.parametrize(
    ("committed", "acked", "commits"),
    [(2585, [2586, 2587], 2588), (None, [1, 2, 3], 4), (0, [7, 8], 9)],
)
async def test_p1_commits_past_an_unfinished_record(committed: Any, acked: list[int], commits: int) -> None:
    """Hence BatchConsumer._new_offset, which commits what the agent says is done."""
    consumer = new_consumer()
    consumer._committed_offset[VIEWS], consumer._acked[VIEWS] = committed, acked
    assert consumer._new_offset(VIEWS) == commits


async def test_p13_forgets_what_was_acknowledged_before_it_can_be_committed() -> None:
    """Hence BatchConsumer.on_partitions_revoked, which ends the work and commits first."""
    consumer = new_consumer()
    consumer._acked[VIEWS] = [1, 2]
    held: list[object] = []
    consumer._on_partitions_revoked = AsyncMock(side_effect=lambda _: held.append(consumer._acked.get(VIEWS)))
    await consumer.on_partitions_revoked({VIEWS})
    assert held == [None]


# Sending


class Channel:
    """Where a message goes: takes its time, or refuses."""

    def __init__(self, takes_s: float = 0.0, refuses: Exception | None = None) -> None:
        self.takes_s, self.refuses, self.sent = takes_s, refuses, 0

    async def publish_message(self, message: Any, wait: bool = False) -> None:
        if self.refuses:
            raise self.refuses
        await asyncio.sleep(self.takes_s)
        self.sent += 1


async def new_buffer() -> Any:
    buffer: Any = ProducerBuffer()
    buffer.app = new_app()
    await buffer.start()
    return buffer


async def end(buffer: Any) -> None:
    """Ends its tasks; its own stop may fail, as P2 says."""
    for task in buffer._futures:
        task.cancel()
    await asyncio.gather(*buffer._futures, return_exceptions=True)


def message_to(channel: Channel) -> Any:
    return MagicMock(message=MagicMock(channel=channel))


async def test_p2_flush_gives_up_with_messages_unsent() -> None:
    """Hence a cycle awaits each send itself, and BatchProducer.flush does nothing."""
    buffer, slow = await new_buffer(), Channel(takes_s=WITHIN_S)
    for _ in range(5):
        buffer.put(message_to(slow))
    await buffer.flush()
    assert (slow.sent, buffer.size) == (0, 4)
    await end(buffer)


async def test_p3_p4_one_oversize_message_stops_all_that_follow() -> None:
    """Hence BatchProducer.send_records goes past the buffer, and checks sizes."""
    buffer, fine = await new_buffer(), Channel()
    buffer.put(message_to(Channel(refuses=MessageSizeTooLargeError("too large"))))
    for _ in range(5):
        buffer.put(message_to(fine))
    async with asyncio.timeout(WITHIN_S):
        while not buffer.crashed:
            await asyncio.sleep(0)
    await end(buffer)
    assert (fine.sent, buffer.size) == (0, 5)


# The agent


def events_of(app: Any, count: int, generation: int = 0) -> list[Any]:
    made = []
    for offset in range(count):
        message = Message("views", 0, offset, 0.0, 0, {}, b"k", b"v", None, tp=VIEWS)
        message.generation_id = generation
        message.incref()
        made.append(app.create_event(None, offset, {}, message))
    return made


async def streamed(app: Any, events: list[Any], body: Callable[[Any], Any]) -> None:
    """Runs an agent's body on events until it ends."""
    app.flow_control.resume()
    channel = app.channel()
    stream = channel.stream()
    for event in events:
        await channel.put(event)
    try:
        await asyncio.wait_for(body(stream), WITHIN_S)
    finally:
        await stream.stop()


async def test_p5_acknowledges_the_event_that_its_agent_failed_on() -> None:
    """Hence the agent's body takes batches in and raises nothing, and its stream does not acknowledge."""
    app = new_app()
    events = events_of(app, 2)

    async def body(stream: Any) -> None:
        async for _ in stream:
            raise ValueError

    with pytest.raises(ValueError):
        await streamed(app, events, body)
    assert events[0].message.acked


async def test_p6_only_the_c_extension_leaves_skipped_events_unacknowledged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Hence the start refuses without it."""
    acked = {}
    for compiled in (True, False):
        if not compiled:
            monkeypatch.setattr(faust.streams, "_CStreamIterator", None)
        app = new_app()
        app.consumer_generation_id = 2
        stale = events_of(app, 3, generation=1)

        async def body(stream: Any) -> None:
            async for _ in stream:
                return

        await streamed(app, [*stale, *events_of(app, 1, generation=2)], body)
        acked[compiled] = [bool(event.message.acked) for event in stale]
    assert acked == {True: [False] * 3, False: [True] * 3}


async def test_p9_take_acknowledges_a_batch_that_failed() -> None:
    """Hence batches are made by the scheduler, below the stream."""
    app = new_app()
    acked = []

    async def body(stream: Any) -> None:
        async def ack(event: Any) -> bool:
            acked.append(event.value)
            return True

        stream.ack = ack
        async for _ in stream.take(3, within=WITHIN_S):
            raise ValueError

    with pytest.raises(ValueError):
        await streamed(app, events_of(app, 3), body)
    await asyncio.sleep(0)
    assert acked == [0, 1, 2]


# Recovery


class Recovering:
    """Faust's recovery of one changelog partition, fed by hand."""

    def __init__(self, apply: Callable[[Any], None], last_offset: int) -> None:
        tables = MagicMock()
        self.queue: asyncio.Queue[Any] = asyncio.Queue()
        tables.changelog_queue, tables.standbys_ready = self.queue, True
        self.table = MagicMock(recovery_buffer_size=1, on_changelog_event=AsyncMock())
        self.table.apply_changelog_batch = apply
        self.service: Any = Recovery(new_app(), tables)
        self.service.active_tps.add(CHANGELOG)
        self.service.tp_to_table[CHANGELOG] = self.table
        self.service.active_offsets[CHANGELOG] = -1
        self.service.active_highwaters[CHANGELOG] = last_offset
        self.service._set_recovery_started()

    async def feed(self, *records: tuple[TP, int]) -> None:
        """Lets it take records, and all that follows from them happen."""
        task = asyncio.ensure_future(Recovery._slurp_changelogs.fun(self.service))
        for tp, offset in records:
            await self.queue.put(MagicMock(message=MagicMock(tp=tp, offset=offset)))
        while not self.queue.empty():
            await asyncio.sleep(0)
        for _ in range(20):
            await asyncio.sleep(0)
        task.cancel()


async def test_p18_recovery_ends_only_when_it_has_seen_the_last_record() -> None:
    """Hence a changelog never ends in a deletion, which compaction may remove (TAIL_KEY)."""
    recovering = Recovering(lambda _: None, last_offset=3)
    await recovering.feed(*((CHANGELOG, offset) for offset in range(3)))
    assert recovering.service.in_recovery
    await recovering.feed((CHANGELOG, 3))
    assert not recovering.service.in_recovery


async def test_p7_p19_a_record_that_cannot_be_applied_hangs_recovery() -> None:
    """Hence the store takes bytes as they are, and the shard puts aside what it can't read."""

    def apply(batch: Any) -> None:
        if any(event.message.offset == 1 for event in batch):
            raise ValueError

    recovering = Recovering(apply, last_offset=3)
    await recovering.feed(*((CHANGELOG, offset) for offset in range(4)))
    assert recovering.service.active_remaining_total() == 0
    assert recovering.service.in_recovery


async def test_p8_p20_a_record_of_a_partition_that_has_left_is_applied_all_the_same() -> None:
    """Hence one table an application, and a store that knows what it was assigned."""
    applied = []
    recovering = Recovering(lambda batch: applied.extend(e.message.tp for e in batch), last_offset=9)
    other = TP("other-changelog", 5)
    await recovering.feed((CHANGELOG, 0), (other, 77), (CHANGELOG, 1))
    assert applied == [CHANGELOG, other, CHANGELOG]


async def test_recovery_goes_on_from_what_the_store_says_that_it_holds() -> None:
    """PartitionStore.persisted_offset: a copy of another worker's states is taken over without a read."""
    recovering = Recovering(lambda _: None, last_offset=9)
    recovering.table.persisted_offset.return_value = 7
    recovering.service.add_standby(recovering.table, CHANGELOG)
    recovering.service.add_active(recovering.table, CHANGELOG)
    assert recovering.service.standby_offsets[CHANGELOG] == 7
    assert recovering.service.active_offsets[CHANGELOG] == 7
    await Recovery._build_offsets(
        recovering.service,
        MagicMock(earliest_offsets=AsyncMock(return_value={CHANGELOG: 3})),
        {CHANGELOG},
        recovering.service.active_offsets,
        "active",
    )
    assert recovering.service.active_offsets[CHANGELOG] == 7


async def test_the_start_sleeps_a_second_whatever_is_there() -> None:
    """A worker's start takes that much longer; only the first start, not a rebalance."""
    manager: Any = TableManager(new_app())
    slept: list[float] = []
    manager.sleep = AsyncMock(side_effect=slept.append)
    manager._stopped.set()
    await manager.on_start()
    assert slept == [1.0]


def test_a_store_url_without_a_host_is_ignored() -> None:
    """Hence `leadheat://memory`."""
    app = new_app(store="memory://")
    app.finalize()
    table = app.Table("leads", store="leadheat://", partitions=1)
    assert not isinstance(table.data, PartitionStore)
    assert isinstance(app.Table("more", store="leadheat://memory", partitions=1).data, PartitionStore)


# The consumer


def test_p24_heartbeats_come_from_a_thread_of_their_own() -> None:
    """Hence the lease is renewed while a cycle computes, and a blocked loop needs the watchdog."""
    assert issubclass(driver.AIOKafkaConsumerThread, base_consumer.ConsumerThread)
    assert "_new_consumer_thread" in vars(driver.Consumer)


def test_the_fetch_wait_is_fixed() -> None:
    """Hence BatchConsumerThread._create_worker_consumer sets aiokafka's own."""
    assert "fetch_max_wait_ms=1500" in inspect.getsource(
        driver.AIOKafkaConsumerThread._create_worker_consumer
    )


def test_recovery_tells_of_the_partitions_of_a_rebalance_that_came_meanwhile() -> None:
    """Hence PartitionStore.on_recovery_completed asks whether the states are complete."""
    source = inspect.getsource(Recovery.on_recovery_completed)
    waits, reads = "await self.app.on_rebalance_complete.send()", "self.actives_for_table[table]"
    assert source.index(waits) < source.index(reads) < source.index("consumer_generation_id != generation_id")
    assert "self._generation_id = generation_id" in inspect.getsource(Recovery.on_rebalance)


def test_recovery_resumes_the_sources_before_it_seeks_them() -> None:
    """Hence BatchConsumer.resume_partitions stops the flow."""
    source = inspect.getsource(Recovery.on_recovery_completed)
    assert source.index("resume_partitions") < source.index("perform_seek") < source.index("resume_flow")


# Names that are private, or only ours by overriding

OVERRIDDEN: dict[type, tuple[type, tuple[str, ...]]] = {
    BatchConsumer: (
        driver.Consumer,
        (
            "_new_consumer_thread",
            "getmany",
            "_getmany",
            "resume_partitions",
            "perform_seek",
            "_add_gap",
            "_filter_tps_with_pending_acks",
            "_new_offset",
            "on_partitions_revoked",
        ),
    ),
    BatchConsumerThread: (driver.AIOKafkaConsumerThread, ("_create_worker_consumer",)),
    BatchProducer: (driver.Producer, ("_producer_type", "_new_producer", "flush")),
    BatchScheduler: (BatchScheduler.__base__, ("iterate",)),
    RawSchema: (RawSchema.__base__, ("loads_key", "loads_value")),
    PartitionStore: (
        Store,
        ("apply_changelog_batch", "on_rebalance", "on_recovery_completed", "persisted_offset"),
    ),
}


def overridden() -> Iterator[tuple[type, type, str]]:
    for ours, (theirs, names) in OVERRIDDEN.items():
        for name in names:
            yield ours, theirs, name


@pytest.mark.parametrize(("ours", "theirs", "name"), list(overridden()))
def test_what_we_override_is_there_and_takes_the_same(ours: Any, theirs: Any, name: str) -> None:
    assert name in vars(ours)
    if callable(getattr(theirs, name)):
        their_names = list(inspect.signature(getattr(theirs, name)).parameters)
        assert list(inspect.signature(getattr(ours, name)).parameters)[: len(their_names)] == their_names


@pytest.mark.parametrize(
    ("theirs", "name", "parameters"),
    [
        (AIOKafkaClient, "send", ["self", "node_id", "request", "group"]),
        (AIOKafkaClient, "ready", ["self", "node_id", "group"]),
        (Sender, "_send_produce_req", ["self", "node_id", "batches"]),
        (aiokafka.AIOKafkaProducer, "create_batch", ["self"]),
        (aiokafka.AIOKafkaProducer, "send_batch", ["self", "batch", "topic", "partition"]),
    ],
)
def test_what_we_wrap_takes_the_same(theirs: Any, name: str, parameters: list[str]) -> None:
    assert list(inspect.signature(getattr(theirs, name)).parameters) == parameters


async def test_what_we_look_at_is_there() -> None:
    consumer = new_consumer()
    assert {"_committed_offset", "_read_offset", "_acked", "_gap"} <= vars(consumer).keys()
    assert callable(consumer._is_changelog_tp)
    client = aiokafka.AIOKafkaConsumer(bootstrap_servers="127.0.0.1:9", group_id="pins")
    assert {"_fetch_max_wait_ms", "_client", "_subscription"} <= vars(client).keys()
    producer = GuardedProducer(bootstrap_servers="127.0.0.1:9")
    assert {"_sender"} <= vars(producer).keys()
    assert producer._sender.client is producer.client
    assert isinstance(producer.client._conns, dict)
    client._closed = producer._closed = True  # they were never started
    batch = MessageBatch(VIEWS, producer.create_batch(), 1.0, 0.0)
    assert (batch.retry_count, batch.record_count, batch.future.done()) == (0, 0, False)
    batch.drain_ready()
    assert batch.retry_count == 1  # the first try counts


def test_faust_makes_its_producer_of_the_consumers_transport() -> None:
    """So one transport carries the lease for both."""
    app = new_app()
    assert app.producer.transport is app.transport


async def test_letting_the_flow_go_on_empties_the_changelogs_queue() -> None:
    """Our store sees that a batch does not follow what it holds, and goes back: `PartitionStore._take`."""
    app = new_app()
    queue = app.tables.changelog_queue
    app.flow_control.resume()
    await queue.put("a batch that recovery has not taken")
    app.flow_control.resume()  # as it does once the standbys flow
    assert queue.empty()


def test_recovery_goes_on_from_where_it_was_if_a_store_holds_nothing() -> None:
    """Our store says that it holds nothing by -1: `PartitionStore.persisted_offset`."""
    recovery = Recovery(new_app(), MagicMock())
    offsets = {CHANGELOG: 7}
    for told, expected in ((None, 7), (-1, -1)):
        recovery._add(MagicMock(persisted_offset=MagicMock(return_value=told)), CHANGELOG, offsets)
        assert offsets == {CHANGELOG: expected}
