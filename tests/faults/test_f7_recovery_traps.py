"""F7: what recovery may meet in a changelog: deletions at its end, nothing at all, what nobody can read.

The worker is ready in time with all that can be read, and names the rest; a state that only a later program
reads it refuses, by name. The same traps under every other fault: `tests/simulation/traps.py`.
"""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from deploy.kafka.cluster import Cluster
from scorer.lead import decode, encode
from scorer.partitioner import partition_of
from scorer.topics import PAGE_VIEWS, SCORES, full_name
from streams.batching.store import TAIL_KEY
from streams.config import changelog_name
from streams.topics import admin_of
from tests.streaming import Rig, TopicReader, producer_to

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

PARTITIONS = 3
EMPTY = 2
LEADS = [name for number in range(60) if partition_of((name := f"u-{number}").encode(), PARTITIONS) != EMPTY]
GRID = """
grid: traps
version: 1
scores: {engagement: {min: 0, max: 100}}
criteria: [{id: view, score: engagement, points: 10, event: page_view}]
tiers: [{id: cold}]
"""
UNREADABLE = {  # none on the partition that is to stay empty
    b"bad-1": b"garbage that is longer than any prefix of a state",
    b"bad-2": b"",
    b"bad-4": b"\x01",
}
AT_ONCE = {
    "cleanup.policy": "compact",
    "segment.ms": "200",
    "min.cleanable.dirty.ratio": "0.001",
    "min.compaction.lag.ms": "0",
    "max.compaction.lag.ms": "200",
    "delete.retention.ms": "0",
}


@pytest.fixture
def eager_kafka(kafka_tools: None) -> Iterator[Cluster]:
    """A Kafka that looks for what to compact all the time, not every 15 s."""
    with Cluster(settings={"log.cleaner.backoff.ms": "200"}) as cluster:
        yield cluster


async def compact_at_once(rig: Rig) -> None:
    """Has the changelog compacted as soon as a segment ends, deletions too."""
    resource = ConfigResource(ConfigResourceType.TOPIC, changelog_name(rig.prefix), AT_ONCE)
    async with admin_of(rig.bootstrap) as admin:
        await admin.alter_configs([resource])


async def view(rig: Rig, producer: AIOKafkaProducer, leads: list[str]) -> None:
    for lead in leads:
        value = json.dumps({"type": "page_view", "lead_id": lead}).encode()
        await producer.send(full_name(rig.prefix, PAGE_VIEWS), value, key=lead.encode())
    await producer.flush()


async def write_state(rig: Rig, producer: AIOKafkaProducer, key: bytes, state: bytes | None) -> None:
    where = partition_of(key, PARTITIONS)
    await producer.send_and_wait(changelog_name(rig.prefix), state, key=key, partition=where)


def scored(read: TopicReader, points: int) -> bool:
    found = {record.key.decode(): json.loads(record.value)["score"] for record in read.records}
    return found == dict.fromkeys(LEADS, points)


async def compacted(rig: Rig, producer: AIOKafkaProducer) -> None:
    """Returns once nothing unreadable is left under its own key: segments end when more is written."""
    deadline = time.monotonic() + 60
    changelog = changelog_name(rig.prefix)
    while time.monotonic() < deadline:
        ends = set()
        for partition in {*range(PARTITIONS)} - {EMPTY}:
            sent = await producer.send_and_wait(changelog, b"tail", key=TAIL_KEY, partition=partition)
            ends.add((partition, sent.offset))
        await asyncio.sleep(0.5)
        async with rig.read_changelog() as read:
            await read.read_until(
                lambda read, ends=ends: ends <= {(r.partition, r.offset) for r in read.records}
            )
        if not any(record.key in UNREADABLE for record in read.records):
            return
    raise AssertionError("Kafka did not compact the changelog")


async def test_f7_recovery_traps(eager_kafka: Cluster, tmp_path: Path) -> None:
    rig = Rig(eager_kafka.bootstrap, 6.0, tmp_path, PARTITIONS)
    grid = tmp_path / "grid.yml"
    grid.write_text(GRID)
    await rig.make_topics()
    await compact_at_once(rig)
    worker = rig.worker("--score", grid=grid)
    first = LEADS[0].encode()
    try:
        async with producer_to(rig.bootstrap) as producer, rig.read(SCORES) as scores:
            worker.start()
            await view(rig, producer, LEADS)
            await scores.read_until(lambda read: scored(read, 10))
            assert worker.stop() == 0

            for key, state in UNREADABLE.items():
                await write_state(rig, producer, key, state)
            worker.start()
            worker.wait_for("states put aside, unreadable")
            await view(rig, producer, LEADS)
            await scores.read_until(lambda read: scored(read, 20))
            assert worker.stop() == 0
            await compacted(rig, producer)

            worker.start()  # the last record of some partitions was a deletion's tail; one has none at all
            worker.wait_for("scoring partitions [0, 1, 2]", count=3)
            await view(rig, producer, LEADS)
            await scores.read_until(lambda read: scored(read, 30))
            assert worker.stop() == 0

            async with rig.read_changelog() as changelog:
                await changelog.read_until(
                    lambda read: LEADS[0].encode() in {one.key for one in read.records}
                )
                last = {record.key: record.value for record in (await changelog.read()).records}
            lead, stored = decode(last[LEADS[0].encode()])
            later = bytearray(encode(lead, stored.wake, stored.plan, stored.revision + (1 << 50)))
            later[2:4] = b"\xff\xff"  # its version, and the least that reads it
            await write_state(rig, producer, first, bytes(later))
            worker.start()
            assert await asyncio.to_thread(worker.process.wait, 60) == 1
            assert worker.said("asks for a program that reads version 255")
    finally:
        worker.end()
