"""A worker that lost its partitions without knowing changes nothing, in the changelog or after a recovery."""

import asyncio
import signal

import pytest
from aiokafka import AIOKafkaProducer

from scorer.lead import peek
from scorer.partitioner import partition_of
from scorer.residents import names_a_lead
from scorer.topics import PAGE_VIEWS, SCORES, full_name
from streams.config import changelog_name
from tests.streaming import Rig, TopicReader, producer_to

pytestmark = pytest.mark.slow

LEAD = b"u-1"


async def view(producer: AIOKafkaProducer, rig: Rig, number: int) -> None:
    value = b'{"type":"page_view","lead_id":"u-1","id":"e%d"}' % number
    await producer.send_and_wait(full_name(rig.prefix, PAGE_VIEWS), value, key=LEAD)


def states(changelog: TopicReader) -> list[bytes]:
    """The states of the lead, in their order."""
    return [record.value for record in changelog.records if record.key == LEAD]


def revisions(changelog: TopicReader) -> list[int]:
    return [peek(state).revision for state in states(changelog)]


async def test_a_late_state_ends_the_owner_and_recovery_puts_the_right_one_back(rig: Rig) -> None:
    await rig.make_topics()
    worker = rig.worker("--score")
    try:
        async with (
            producer_to(rig.bootstrap) as producer,
            rig.read_changelog() as changelog,
            rig.read(SCORES) as scores,
        ):
            worker.start()
            for number in range(1, 4):
                await view(producer, rig, number)
                await scores.read_until(lambda read, least=number: len(read.records) >= least)
            await changelog.read_until(lambda read: len(revisions(read)) >= 3)
            late, right = states(changelog)[0], states(changelog)[-1]

            # The first state again, as a worker would write that was cut off for a while.
            partition = partition_of(LEAD, rig.partitions)
            await producer.send_and_wait(changelog_name(rig.prefix), late, key=LEAD, partition=partition)
            await view(producer, rig, 4)
            assert await asyncio.to_thread(worker.process.wait, 30) == 1
            assert worker.said(f"another worker writes to {changelog_name(rig.prefix)}-{partition}") == 1

            worker.start()
            await view(producer, rig, 5)
            await changelog.read_until(lambda read: len(set(revisions(read))) >= 5)
            await scores.read_until(lambda read: read.latest()["u-1"]["contributions"] != {})
            assert worker.stop() == 0
            await changelog.read()
            assert max(revisions(changelog)) == revisions(changelog)[-1] > peek(right).revision
            await scores.read()
            moments = [record.timestamp for record in scores.records]
            assert moments == sorted(moments)
    finally:
        worker.end()


async def test_an_overtaken_state_is_right_again_before_anything_comes(rig: Rig) -> None:
    await rig.make_topics()
    worker = rig.worker("--score")
    try:
        async with (
            producer_to(rig.bootstrap) as producer,
            rig.read_changelog() as changelog,
            rig.read(SCORES) as scores,
        ):
            worker.start()
            for number in range(1, 4):
                await view(producer, rig, number)
                await scores.read_until(lambda read, least=number: len(read.records) >= least)
            assert worker.stop() == 0
            await changelog.read_until(lambda read: len(revisions(read)) >= 3)
            late, right = states(changelog)[0], revisions(changelog)[-1]
            partition = partition_of(LEAD, rig.partitions)
            await producer.send_and_wait(changelog_name(rig.prefix), late, key=LEAD, partition=partition)
            worker.start()
            await changelog.read_until(lambda read: revisions(read)[-1] > right)
            assert worker.stop() == 0
    finally:
        worker.end()


async def test_a_frozen_worker_sends_nothing_when_it_wakes(rig: Rig) -> None:
    await rig.make_topics()
    frozen, other = rig.worker("--score"), rig.worker("--score")
    try:
        async with producer_to(rig.bootstrap) as producer, rig.read_changelog() as changelog:
            frozen.start()
            await asyncio.to_thread(frozen.wait_for, "scoring partitions [0, 1]")
            sending = asyncio.create_task(_load(producer, rig))
            await changelog.read_until(lambda read: len(read.records) > 200)
            frozen.process.send_signal(signal.SIGSTOP)  # in the middle of its work
            other.start()
            await asyncio.to_thread(other.wait_for, "scoring partitions [0, 1]")
            frozen.process.send_signal(signal.SIGCONT)
            assert await asyncio.to_thread(frozen.process.wait, 30) == 1
            assert frozen.said("its partitions may belong to another worker") == 1
            await sending
            count = len(changelog.records)
            await changelog.read_until(lambda read: len(read.records) > count)
            assert other.said("another worker writes") == 0
            assert other.stop() == 0
            await changelog.read()
            last: dict[bytes, int] = {}
            for record in changelog.records:
                if names_a_lead(record.key):
                    revision = peek(record.value).revision
                    assert revision >= last.get(record.key, 0), "an older state after a newer one"
                    last[record.key] = revision
    finally:
        frozen.end()
        other.end()


async def _load(producer: AIOKafkaProducer, rig: Rig) -> None:
    for number in range(20_000):
        lead = b"u-%d" % (number % 500)
        value = b'{"type":"page_view","lead_id":"%s","id":"e%d"}' % (lead, number)
        await producer.send(full_name(rig.prefix, PAGE_VIEWS), value, key=lead)
        if number % 200 == 0:
            await asyncio.sleep(0.05)
    await producer.flush()
