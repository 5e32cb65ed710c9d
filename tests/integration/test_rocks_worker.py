"""A worker whose states are on disk goes on from its folder, and needs of the changelog only the rest."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.admin.records_to_delete import RecordsToDelete

from deploy.kafka.cluster import Cluster
from streams.config import changelog_name
from tests.kafka_real import SESSION_S
from tests.streaming import Rig, TopicReader, producer_to

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


@pytest.fixture
def rocks_rig(real_kafka: Cluster, tmp_path: Path) -> Rig:
    """A stream on a real Kafka, its workers' states on disk."""
    return Rig(real_kafka.bootstrap, session_s=SESSION_S, folder=tmp_path, store="rocksdb")


def events_in(changelog: TopicReader) -> int:
    return sum(state["events"] for state in changelog.latest().values())


async def delete_before(bootstrap: str, topic: str, ends: dict[int, int]) -> None:
    """Deletes a compacted topic's records before some offsets, as nothing in production does."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()

    async def policy(value: str) -> None:
        settings = {"cleanup.policy": value, "retention.ms": "-1"}
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, settings)])

    try:
        await policy("compact,delete")  # Kafka refuses it for one that is compacted only
        await asyncio.sleep(0)
        deleted = await admin.delete_records(
            {TopicPartition(topic, number): RecordsToDelete(end) for number, end in ends.items()}
        )
        assert {tp.partition: offset for tp, offset in deleted.items()} == ends
        await policy("compact")
    finally:
        await admin.close()


async def test_goes_on_from_its_folder(rocks_rig: Rig) -> None:
    rig = rocks_rig
    await rig.make_topics()
    worker = rig.worker()
    try:
        async with producer_to(rig.bootstrap) as producer, rig.read_changelog() as changelog:
            worker.start()
            first = await rig.produce(producer, range(6_000), 500)
            await changelog.read_until(lambda read: events_in(read) == 6_000)
            assert await asyncio.to_thread(worker.stop) == 0
            ends = {record.partition: record.offset for record in (await changelog.read()).records}
            await delete_before(rig.bootstrap, changelog_name(rig.prefix), ends)  # all but the last of each
            worker.start()
            second = await rig.produce(producer, range(6_000, 9_000), 500)
            await changelog.read_until(lambda read: events_in(read) == 9_000)
            states = {lead: state["events"] for lead, state in changelog.latest().items()}
            assert states == {lead: count + second.get(lead, 0) for lead, count in first.items()}
            assert worker.said("recovered from the changelog's start") == 0
            assert await asyncio.to_thread(worker.stop) == 0
    finally:
        worker.end()


async def test_two_workers_never_share_a_folder(rocks_rig: Rig) -> None:
    await rocks_rig.make_topics()
    first = rocks_rig.worker()
    second = replace(rocks_rig, store="memory").worker(*first.options[-2:])
    try:
        first.start()
        first.wait_for("scoring partitions")
        second.start()
        assert await asyncio.to_thread(second.process.wait, 30) == 1
        assert second.said("give each worker a folder of its own") == 1
        assert first.process.poll() is None
    finally:
        first.end()
        second.end()
