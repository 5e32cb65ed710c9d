"""Batches: how a fetch becomes them, what is let through, what may be committed, what a changelog leaves."""

import asyncio
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord
from faust.types import TP

from scorer.lead import REVISION_BITS, Lead, deletion, encode
from scorer.times import FOREVER
from streams.batching.consumer import BatchConsumer
from streams.batching.producer import BatchProducer, Outgoing
from streams.batching.scheduler import Batch, BatchScheduler
from streams.batching.sole_writer import SoleWriter
from streams.batching.store import REVISION, TAIL_KEY, PartitionStore
from streams.errors import StoreError, WriteError

VIEWS = TP("views", 0)
LOG = TP("changelog", 0)


def records(*offsets: int, key: bytes = b"k", value: bytes | None = b"v") -> list[Any]:
    return [ConsumerRecord("views", 0, at, at * 10, 0, key, value, None, 1, 1, ()) for at in offsets]


class Delivery(BatchConsumer):
    """The rules of delivery without a broker: remembers where it was told to go back to."""

    def __init__(self, expected: int | None) -> None:
        self._expected = {} if expected is None else {VIEWS: expected}
        self._sought: set[TP] = set()
        self._hole: dict[TP, tuple[int, int]] = {}
        self._done: dict[TP, int] = {}
        self.sought: list[int] = []

        self._thread = self

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        self.sought += partitions.values()

    def _is_changelog_tp(self, tp: TP) -> bool:
        return bool(tp.topic == "changelog")


class Recovery(Delivery):
    """The same, of changelogs, which are sought by the consumer itself."""

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        if self._thread is self:
            self._thread = Delivery(None)
        await BatchConsumer.seek_wait(self, partitions)


def test_a_fetch_becomes_one_batch_a_partition() -> None:
    fetched = {VIEWS: records(3, 4, 5), TP("views", 1): []}
    ((tp, batch),) = BatchScheduler().iterate(fetched)
    assert (tp, batch.first, batch.offset, batch.timestamp, batch.value) == (VIEWS, 3, 5, 50, batch)


async def test_lets_through_what_continues() -> None:
    consumer = Delivery(3)
    assert await consumer._admit(VIEWS, Batch(VIEWS, records(3, 4)))
    assert await consumer._admit(VIEWS, Batch(VIEWS, records(5)))
    assert consumer.expected(VIEWS) == 6


async def test_cuts_off_what_was_delivered() -> None:
    consumer = Delivery(5)
    assert not await consumer._admit(VIEWS, Batch(VIEWS, records(3, 4)))
    overlapping = Batch(VIEWS, records(3, 4, 5, 6))
    assert await consumer._admit(VIEWS, overlapping)
    assert [record.offset for record in overlapping.records] == [5, 6]


async def test_goes_back_once_for_a_hole() -> None:
    consumer = Delivery(5)
    assert not await consumer._admit(VIEWS, Batch(VIEWS, records(8, 9)))
    assert consumer.sought == [5]
    assert await consumer._admit(VIEWS, Batch(VIEWS, records(8, 9)))  # they are no more, by compaction say
    assert consumer.sought == [5]


async def test_lets_nothing_through_before_it_was_sought() -> None:
    assert not await Delivery(None)._admit(VIEWS, Batch(VIEWS, records(0)))


async def test_a_changelog_goes_on_from_where_it_was_sought_whatever_was_fetched_before() -> None:
    consumer = Recovery(None)
    assert not await consumer._admit(LOG, Batch(LOG, records(0)))
    await consumer.seek_wait({LOG: 5})
    assert not await consumer._admit(LOG, Batch(LOG, records(8, 9)))  # fetched before
    overlapping = Batch(LOG, records(4, 5, 6))
    assert await consumer._admit(LOG, overlapping)
    assert (overlapping.first, overlapping.follows) == (5, 5)
    compacted = Batch(LOG, records(20, 30))
    assert await consumer._admit(LOG, compacted)  # not asked again: it cannot be of a fetch from before
    assert (compacted.first, compacted.follows) == (20, 7)
    assert consumer._thread.sought == [5, 5]


async def test_a_changelog_whose_beginning_was_compacted_is_asked_once_more() -> None:
    consumer = Recovery(None)
    await consumer.seek_wait({LOG: 0})
    assert not await consumer._admit(LOG, Batch(LOG, records(3)))
    compacted = Batch(LOG, records(3))
    assert await consumer._admit(LOG, compacted)
    assert compacted.follows == 0


def test_commits_what_is_done_and_only_once() -> None:
    consumer = Delivery(0)
    consumer.done(VIEWS, 7)
    assert consumer._filter_tps_with_pending_acks() == [VIEWS]
    assert consumer._new_offset(VIEWS) == 7
    assert consumer._new_offset(VIEWS) is None


def changelog(partition: int, *changes: tuple[bytes, bytes | None], first: int = 0) -> list[Any]:
    rows = [
        ConsumerRecord("changelog", partition, at, 0, 0, key, value, None, 1, 1, ())
        for at, (key, value) in enumerate(changes, first)
    ]
    batch = Batch(TP("changelog", partition), rows)
    return [SimpleNamespace(message=SimpleNamespace(value=batch, partition=partition))]


class App:
    """What a store asks of Faust: the changelog, of which it has all but `more` records, and of recovery."""

    def __init__(self) -> None:
        self.more = 0
        self.crashes: list[Exception] = []
        self.consumer = self
        self.tables = self
        self.recovery = self
        self.in_recovery = False
        self._generation_id = self.consumer_generation_id = 1
        self.signal_recovery_start = asyncio.Event()
        self.active_offsets: dict[TP, int] = {}
        self.standby_offsets: dict[TP, int] = {}
        self.sought: list[Mapping[TP, int]] = []
        self.store: Any = None

    async def earliest_offsets(self, *tps: TP) -> dict[TP, int]:
        return dict.fromkeys(tps, 0)

    async def highwaters(self, *tps: TP) -> dict[TP, int]:
        await asyncio.sleep(0)
        return {tp: self.store.ends.get(tp.partition, 0) + self.more for tp in tps}

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        self.sought.append(partitions)

    async def crash(self, error: Exception) -> None:
        self.crashes.append(error)


async def store_of(*partitions: int) -> PartitionStore:
    """A store that was assigned partition numbers."""
    table = SimpleNamespace(name="leads", changelog_topic_name="changelog")
    app = App()
    app.store = PartitionStore("leadheat://memory", app, table)
    await app.store.on_rebalance({TP("changelog", number) for number in partitions}, set(), set())
    return app.store


def filled(store: PartitionStore, partition: int, *changes: tuple[bytes, bytes | None]) -> PartitionStore:
    first = store.ends.get(partition, 0)
    store.apply_changelog_batch(changelog(partition, *changes, first=first), None, None)
    return store


async def test_store_keeps_the_last_state_of_each_key_by_partition() -> None:
    store = await store_of(0, 1)
    filled(store, 0, (b"a", b"1"), (b"b", b"1"), (b"a", b"2"), (b"b", None))
    filled(store, 1, (b"c", b"1"), (TAIL_KEY, b"tail"))
    assert store.partitions == {0: {b"a": b"2"}, 1: {b"c": b"1"}}
    assert store.recovered == 6


async def test_store_keeps_copies_and_says_from_where_to_go_on_reading() -> None:
    store = filled(filled(await store_of(0, 1, 2), 0, (b"a", b"1")), 1, (b"b", b"1"), (b"b", b"2"))
    await store.on_recovery_completed({TP("changelog", 0), TP("changelog", 2)}, {TP("changelog", 1)})
    assert (store.active, store.partitions) == ({0, 2}, {0: {b"a": b"1"}, 1: {b"b": b"2"}, 2: {}})
    assert [store.persisted_offset(TP("changelog", number)) for number in range(4)] == [0, 1, -1, -1]
    SoleWriter("changelog", store.ends).acknowledged(0, 1, 5)
    assert store.persisted_offset(TP("changelog", 0)) == 5  # what we wrote need not be read again
    await store.on_rebalance({TP("views", 2), TP("changelog", 1)}, set(), set())
    assert store.partitions == {1: {b"b": b"2"}, 2: {}}
    assert store.persisted_offset(TP("changelog", 0)) == -1


def part(first: int, *states: bytes, follows: int | None = None) -> list[Any]:
    """A batch of the changelog that begins at an offset, each state of a key of its own."""
    rows = [
        ConsumerRecord("changelog", 0, at, 0, 0, state, state, None, 1, 1, ())
        for at, state in enumerate(states, first)
    ]
    batch = Batch(LOG, rows)
    batch.follows = first if follows is None else follows
    return [SimpleNamespace(message=SimpleNamespace(value=batch, partition=0))]


@pytest.mark.parametrize("of", ["active_offsets", "standby_offsets"])
async def test_store_goes_back_where_a_batch_was_lost_on_its_way(of: str) -> None:
    store = await store_of(0)
    told = getattr(store.app, of)
    store.apply_changelog_batch(part(0, b"a", b"b"), None, None)
    told[LOG] = 5  # what Faust has seen of it
    store.apply_changelog_batch(part(4, b"e", b"f"), None, None)
    store.apply_changelog_batch(part(6, b"g"), None, None)
    await asyncio.sleep(0)
    assert (sorted(store.partitions[0]), told[LOG], store.persisted_offset(LOG)) == ([b"a", b"b"], 1, 1)
    assert store.app.sought == [{LOG: 2}]  # once
    store.apply_changelog_batch(part(2, b"c", b"d"), None, None)
    store.apply_changelog_batch(part(6, b"g", follows=4), None, None)  # 4 and 5 are no more
    assert sorted(store.partitions[0]) == [b"a", b"b", b"c", b"d", b"g"]
    store.apply_changelog_batch(part(2, b"c"), None, None)  # once more
    assert store.persisted_offset(LOG) == 6


async def test_store_of_a_changelog_that_left_and_came_back_takes_nothing_from_its_middle() -> None:
    store = await store_of(0)
    store.apply_changelog_batch(part(0, b"a", b"b"), None, None)
    await store.on_rebalance(set(), {LOG}, set())
    await store.on_rebalance({LOG}, set(), {LOG})
    store.apply_changelog_batch(part(2, b"c"), None, None)
    assert (store.partitions[0], store.persisted_offset(LOG)) == ({}, -1)


async def test_store_does_not_go_on_from_states_that_lack_something() -> None:
    store = filled(await store_of(0, 1), 0, (b"a", b"1"))
    store.app.more = 1
    with pytest.raises(StoreError, match=r"changelog-0 is held up to 1, and ends at 2, changelog-1 .* 1$"):
        await store.on_recovery_completed({TP("changelog", 0), TP("changelog", 1)}, set())
    await asyncio.sleep(0)
    assert store.active == set()
    assert [type(error) for error in store.app.crashes] == [StoreError]


@pytest.mark.parametrize("lacking", [0, 1])
@pytest.mark.parametrize("sign", ["recovers", "is about to", "a rebalance", "a generation"])
async def test_store_leaves_to_a_rebalance_under_way_what_it_recovers(sign: str, lacking: int) -> None:
    """Faust told of the partitions of a rebalance that had just come as if it had recovered them already."""
    store = filled(await store_of(0), 0, (b"a", b"1"))
    store.app.more = lacking
    store.app.in_recovery = sign == "recovers"
    store.app.consumer_generation_id += sign == "a generation"
    if sign == "is about to":
        store.app.signal_recovery_start.set()
    told = asyncio.create_task(store.on_recovery_completed({TP("changelog", 0)}, set()))
    await asyncio.sleep(0)
    if sign == "a rebalance":
        await store.on_rebalance({TP("changelog", 0), TP("changelog", 1)}, set(), set())
    await told
    assert (store.active, store.take_overtaken(), store.app.crashes) == (set(), {}, [])
    store.app.more, store.app.in_recovery = 0, False
    store.app.signal_recovery_start.clear()
    store.app._generation_id = store.app.consumer_generation_id
    await store.on_recovery_completed({TP("changelog", 0)}, set())
    assert store.active == {0}


async def test_store_takes_nothing_of_a_partition_that_has_left() -> None:
    store = filled(await store_of(1), 0, (b"a", b"1"))
    assert store.partitions == {1: {}}
    assert store.persisted_offset(TP("changelog", 0)) == -1


def state(revision: int) -> bytes:
    return encode(Lead(), FOREVER, 0, revision)


async def test_store_ignores_a_state_that_a_worker_wrote_after_it_lost_the_lead() -> None:
    late = [(b"a", state(5)), (b"b", state(9)), (b"a", state(4)), (b"b", state(8)), (b"b", state(10))]
    store = filled(filled(await store_of(0, 1), 0, *late), 1, *late)
    assert store.partitions[0] == {b"a": state(5), b"b": state(10)}
    await store.on_recovery_completed({TP("changelog", 0)}, {TP("changelog", 1)})
    assert store.take_overtaken() == {0: {b"a"}}
    await store.on_recovery_completed({TP("changelog", 0), TP("changelog", 1)}, set())
    assert store.take_overtaken() == {0: set(), 1: {b"a"}}


async def test_store_doubts_a_state_of_a_generation_that_others_had_followed() -> None:
    old, new = (generation << REVISION_BITS for generation in (1, 2))
    store = filled(await store_of(0), 0, (b"a", state(old)), (b"b", state(new)), (b"a", state(old + 1)))
    await store.on_recovery_completed({TP("changelog", 0)}, set())
    assert store.partitions[0][b"a"] == state(old + 1)
    assert store.take_overtaken() == {0: {b"a"}}
    filled(store, 0, (b"a", state(new + 1)), (b"b", state(new + 1)))
    assert store.take_overtaken() == {0: set()}


def deleted(at: int, key: bytes, revision: int) -> list[Any]:
    """A deletion, at an offset of the first changelog, that says what it deletes."""
    headers = ((REVISION, deletion(revision)),)
    row = ConsumerRecord("changelog", 0, at, 0, 0, key, None, None, 1, 1, headers)
    return [SimpleNamespace(message=SimpleNamespace(value=Batch(LOG, [row]), partition=0))]


@pytest.mark.parametrize(("revision", "kept"), [(4, {b"a": state(5)}), (5, {})])
async def test_store_ignores_a_deletion_that_comes_after_what_came_since(
    revision: int, kept: dict[bytes, bytes]
) -> None:
    store = filled(await store_of(0), 0, (b"a", state(5)))
    store.apply_changelog_batch(deleted(1, b"a", revision), None, None)
    store.apply_changelog_batch(deleted(2, b"b", revision), None, None)
    await store.on_recovery_completed({TP("changelog", 0)}, set())
    assert store.partitions == {0: kept}
    assert store.take_overtaken() == {0: set(kept)}


async def test_store_takes_a_lead_that_begins_anew() -> None:
    store = filled(await store_of(0), 0, (b"a", state(5)), (b"a", None), (b"a", state(1)))
    await store.on_recovery_completed({TP("changelog", 0)}, set())
    assert store.partitions == {0: {b"a": state(1)}}
    assert store.take_overtaken() == {0: set()}


async def test_refuses_a_record_that_no_broker_takes() -> None:
    producer = BatchProducer.__new__(BatchProducer)
    producer._ensure_producer = lambda: SimpleNamespace(create_batch=object)
    with pytest.raises(WriteError, match="a record of 12 bytes for scores-0: at most 10"):
        await producer.send_records("scores", 0, [Outgoing(b"ab", b"0123456789")], 10)


class Broker:
    """As much of aiokafka's producer as sending takes; refuses the record batch of a number."""

    def __init__(self, refuses: int) -> None:
        self.refuses = refuses
        self.handed: list[list[bytes]] = []

    def create_batch(self) -> Any:
        return SmallBatch()

    async def send_batch(self, batch: Any, topic: str, partition: int) -> "asyncio.Future[None]":
        self.handed.append(batch.values)
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if len(self.handed) == self.refuses:
            answer.set_exception(KafkaError("refused"))
        else:
            answer.set_result(None)
        return answer


class SmallBatch:
    """Takes two records."""

    def __init__(self) -> None:
        self.values: list[bytes] = []

    def append(self, *, value: bytes, **_: Any) -> object | None:
        if len(self.values) == 2:
            return None
        self.values.append(value)
        return self

    def record_count(self) -> int:
        return len(self.values)


async def test_sends_nothing_after_a_record_batch_that_was_refused() -> None:
    broker = Broker(refuses=2)
    producer = BatchProducer.__new__(BatchProducer)
    producer._ensure_producer = lambda: broker
    outgoing = [Outgoing(b"k", b"%d" % number) for number in range(7)]
    with pytest.raises(KafkaError):
        await producer.send_records("handover", 0, outgoing, 10)
    assert broker.handed == [[b"0", b"1"], [b"2", b"3"]]
