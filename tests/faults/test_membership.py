"""Workers come, go, come back under their names, and stop in time even where Kafka does not answer."""

import asyncio
from pathlib import Path

import pytest

from deploy.kafka.cluster import Cluster
from tests.faults.test_worker_killed import check_all, events_in, settled
from tests.streaming import Rig, producer_to

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

SESSION_S = 6.0  # in which a worker that was killed comes back under its name
LEADS = 200


@pytest.fixture
def named(real_kafka: Cluster, tmp_path: Path) -> Rig:
    """A stream on a real Kafka: the embedded broker knows no lasting names."""
    return Rig(real_kafka.bootstrap, SESSION_S, tmp_path)


async def test_a_named_worker_gets_its_partitions_back_and_the_other_goes_on(named: Rig) -> None:
    await named.make_topics()
    one, other = named.worker("--instance", "one"), named.worker("--instance", "other")
    try:
        async with producer_to(named.bootstrap) as producer, named.read_changelog() as changelog:
            one.start()
            other.start()
            for worker in (one, other):
                await asyncio.to_thread(worker.wait_for, "scoring partitions [")
            expected = await named.produce(producer, range(4_000), LEADS)
            await changelog.read_until(lambda read: settled(read, expected))
            before, undisturbed = one.said("scoring partitions ["), other.said("scoring partitions [")
            one.kill()
            one.start()
            await asyncio.to_thread(one.wait_for, "scoring partitions [", before + 1)
            more = await named.produce(producer, range(4_000, 8_000), LEADS)
            expected = {lead: count + more[lead] for lead, count in expected.items()}
            await changelog.read_until(lambda read: settled(read, expected))
            await check_all(named, changelog, expected)
            assert other.said("scoring partitions [") == undisturbed
    finally:
        one.end()
        other.end()


async def test_of_two_workers_with_one_name_the_older_ends(named: Rig) -> None:
    await named.make_topics()
    older, newer = named.worker("--instance", "one"), named.worker("--instance", "one")
    try:
        older.start()
        await asyncio.to_thread(older.wait_for, "scoring partitions [0, 1]")
        newer.start()
        assert await asyncio.to_thread(older.process.wait, 60) == 1
        assert older.said("shares its instance name") == 1
        await asyncio.to_thread(newer.wait_for, "scoring partitions [0, 1]")
    finally:
        older.end()
        newer.end()


async def test_names_a_session_that_kafka_does_not_allow(real_kafka: Cluster, tmp_path: Path) -> None:
    rig = Rig(real_kafka.bootstrap, SESSION_S / 3, tmp_path)
    await rig.make_topics()
    worker = rig.worker()
    try:
        worker.start()
        assert await asyncio.to_thread(worker.process.wait, 60) == 1
        assert worker.said("LEADHEAT_SESSION_TIMEOUT_S is not between") == 1
    finally:
        worker.end()


async def test_more_workers_than_partitions_are_at_ease(named: Rig) -> None:
    await named.make_topics()
    workers = [named.worker() for _ in range(4)]
    try:
        async with producer_to(named.bootstrap) as producer, named.read_changelog() as changelog:
            for worker in workers:
                worker.start()
            expected = await named.produce(producer, range(4_000), LEADS)
            await changelog.read_until(lambda read: settled(read, expected))
            await check_all(named, changelog, expected)
            assert [worker.stop() for worker in workers] == [0] * 4
    finally:
        for worker in workers:
            worker.end()


async def test_stops_in_time_where_kafka_does_not_answer(own_kafka: Cluster, tmp_path: Path) -> None:
    rig = Rig(own_kafka.bootstrap, SESSION_S, tmp_path)
    await rig.make_topics()
    worker = rig.worker()
    try:
        async with producer_to(rig.bootstrap) as producer, rig.read_changelog() as changelog:
            worker.start()
            sending = asyncio.create_task(rig.produce(producer, range(20_000), LEADS))
            await changelog.read_until(lambda read: events_in(read) > 0)
            await sending
        own_kafka.kill(own_kafka.nodes[0])
        assert worker.stop(within_s=30.0) in (0, 1)  # 1 where what it had sent is in doubt
    finally:
        worker.end()
