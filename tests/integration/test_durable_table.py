"""Rows that a role must not forget, on a broker: kept, restored, and only one owner's word counts."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from connectors.durable.erasures import Erasures
from connectors.durable.errors import NotOursError, OvertakenError
from connectors.durable.member import Member
from connectors.durable.table import Table
from scorer.blocks import Hasher
from scorer.erasure import Notice
from scorer.times import Micros
from scorer.topics import ALERTS, ERASURES, SCORES, TASKS, full_name
from tests.streaming import Rig

_WITHIN_S = 60.0
_KEY = b"of erasures"


@asynccontextmanager
async def _table(rig: Rig, topic: str = TASKS) -> AsyncIterator[Table]:
    table = Table(rig.bootstrap, full_name(rig.prefix, topic), "test", lambda: Micros(1_790_000_000_000_000))
    await table.start()
    try:
        yield table
    finally:
        await table.stop()


async def test_rows_outlive_their_owner(rig: Rig) -> None:
    await rig.make_topics()
    async with _table(rig) as table:
        await table.own(0)
        await table.put(0, {"u-1": b"one", "u-2": b"two"})
        await table.put(0, {"u-1": None, "u-3": b"three"})
        held = dict(table.rows(0))
    async with _table(rig) as table:
        await table.own(0)
        await table.own(1)
        assert dict(table.rows(0)) == held == {"u-2": b"two", "u-3": b"three"}
        assert dict(table.rows(1)) == {}


async def test_a_former_owner_learns_of_it_and_its_word_does_not_count(rig: Rig) -> None:
    await rig.make_topics()
    async with _table(rig) as former, _table(rig) as owner:
        await former.own(0)
        await former.put(0, {"u-1": b"sent"})
        await owner.own(0)
        with pytest.raises(OvertakenError):
            await former.put(0, {"u-1": b"to send", "u-9": b"to send"})
        with pytest.raises(NotOursError):
            await former.put(0, {"u-1": b"to send"})
        with pytest.raises(OvertakenError):
            await owner.put(0, {"u-2": b"sent"})  # it can't tell who wrote between its records
    for _ in range(2):  # the first puts right what the second must find so
        async with _table(rig) as table:
            await table.own(0)
            assert dict(table.rows(0)) == {"u-1": b"sent", "u-2": b"sent"}


async def test_what_nobody_wrote_to_meanwhile_is_not_read_again(rig: Rig) -> None:
    await rig.make_topics()
    async with _table(rig) as table, _table(rig) as other:
        await table.own(0)
        await table.put(0, {"u-1": b"one"})
        rows = table.rows(0)
        table.disown([0])
        with pytest.raises(NotOursError):
            await table.put(0, {"u-1": b"two"})
        await table.own(0)
        assert table.rows(0) is rows
        table.disown([0])
        await other.own(0)
        await other.put(0, {"u-1": b"other"})
        await table.own(0)
        assert dict(table.rows(0)) == {"u-1": b"other"}


class _Counting:
    """Keeps of each lead what came of it; asks to be stopped once there is enough."""

    def __init__(self, table: Table, enough: int) -> None:
        self._table = table
        self._enough = enough
        self.stop = asyncio.Event()
        self.gained_partitions: set[int] = set()
        self.times: list[int] = []

    async def gained(self, partition: int) -> None:
        self.gained_partitions.add(partition)

    def lost(self, partitions: Sequence[int]) -> None:
        self.gained_partitions.difference_update(partitions)

    async def take(self, partition: int, records: Sequence[Any]) -> None:
        assert partition in self.gained_partitions
        self.times += [record.timestamp for record in records]
        rows = dict(self._table.rows(partition))
        for record in records:
            rows[record.key.decode()] = rows.get(record.key.decode(), b"") + record.value
        await self._table.put(partition, rows)

    def lead_of(self, key: str, row: bytes) -> str:
        return key

    def forgot(self, partition: int, keys: Sequence[str]) -> None:
        assert not self._table.rows(partition).keys() & set(keys)

    async def go_on(self) -> None:
        if sum(len(row) for _, _, row in self._table.items()) >= self._enough:
            self.stop.set()


class _Forgetting(_Counting):
    """Asks to be stopped once no row is left."""

    async def go_on(self) -> None:
        if not any(self._table.items()):
            self.stop.set()


async def test_who_is_erased_while_partitions_are_restored_is_forgotten_in_all_of_them(rig: Rig) -> None:
    await rig.make_topics()
    async with _table(rig) as table:
        await table.own(0)
        await table.put(0, {"u-0": b"x"})
    erasures = Erasures(rig.bootstrap, rig.prefix, _KEY)
    async with _table(rig) as table, asyncio.timeout(_WITHIN_S):
        own = table.own

        async def own_after_an_erasure(partition: int) -> None:
            if partition == 1:  # the rows of the other one have been looked through
                await _erase(rig, "u-0")
                while not erasures.told:
                    await asyncio.sleep(0.01)
            await own(partition)

        table.own = own_after_an_erasure  # type: ignore[method-assign]
        await erasures.start()
        try:
            work = _Forgetting(table, 0)
            topics = [full_name(rig.prefix, ALERTS)]
            member = Member(rig.bootstrap, f"{rig.prefix}-test", topics, table, erasures, rig.session_s)
            await member.run(work, work.stop)
        finally:
            await erasures.stop()
        assert work.gained_partitions == {0, 1}


async def _erase(rig: Rig, lead: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=rig.bootstrap) as producer:
        notice = msgspec.json.encode(Notice("2026-11-01T09:00:00Z"))
        key = Hasher(_KEY).hash(lead).hex().encode()
        await producer.send_and_wait(full_name(rig.prefix, ERASURES), notice, key=key)


async def test_a_member_goes_on_where_another_one_ended(rig: Rig) -> None:
    await rig.make_topics()
    topics = [full_name(rig.prefix, name) for name in (ALERTS, SCORES)]

    async def run(enough: int) -> tuple[dict[str, bytes], _Counting]:
        async with _table(rig) as table, asyncio.timeout(_WITHIN_S):
            work = _Counting(table, enough)
            erasures = Erasures(rig.bootstrap, rig.prefix, _KEY)
            await erasures.start()
            try:
                member = Member(rig.bootstrap, f"{rig.prefix}-test", topics, table, erasures, rig.session_s)
                await member.run(work, work.stop)
            finally:
                await erasures.stop()
            return {key: row for _, key, row in table.items()}, work

    async with AIOKafkaProducer(bootstrap_servers=rig.bootstrap) as producer:
        for number in range(20):
            await producer.send_and_wait(
                topics[number % 2], b"x", key=b"u-%d" % (number % 3), timestamp_ms=1_790_000_000_000 + number
            )
        first, work = await run(20)
        assert {key: len(row) for key, row in first.items()} == {"u-0": 7, "u-1": 7, "u-2": 6}
        assert work.gained_partitions == set(range(rig.partitions))
        for number in range(5):
            await producer.send_and_wait(topics[0], b"y", key=b"u-%d" % number)
        second, _ = await run(25)
        assert second["u-0"] == b"x" * 7 + b"y"
        assert set(second) == {"u-0", "u-1", "u-2", "u-3", "u-4"}
        await _erase(rig, "u-0")
        third, _ = await run(0)
    assert set(third) == {"u-1", "u-2", "u-3", "u-4"}
