"""A worker without its broker: a clear refusal at the start, and in the middle an end that loses nothing."""

from pathlib import Path

import pytest

from deploy.kafka.cluster import Cluster
from tests.faults.test_worker_killed import check_all, events_in, settled
from tests.kafka_fixtures import EmbeddedBroker
from tests.streaming import Rig, producer_to

pytestmark = pytest.mark.slow


@pytest.mark.embedded
def test_refuses_to_start_without_a_broker(tmp_path: Path) -> None:
    nowhere = EmbeddedBroker()  # never started: nobody listens on its port
    worker = Rig(nowhere.bootstrap, 2.0, tmp_path).worker()
    worker.start()
    assert worker.process.wait(60) == 1
    assert worker.said(f"ERROR streams.worker: no Kafka broker answers at {nowhere.bootstrap}") == 1
    assert worker.said("Traceback") == 0


@pytest.mark.embedded
def test_refuses_topics_that_stay_away(embedded_rig: Rig) -> None:
    worker = embedded_rig.worker()
    worker.start()
    assert worker.process.wait(60) == 1
    assert worker.said(f"{embedded_rig.prefix}.page-views: missing: create it with `leadheat topics`")


@pytest.mark.embedded
async def test_waits_for_a_broker_that_comes_late(tmp_path: Path) -> None:
    broker = EmbeddedBroker()
    rig = Rig(broker.bootstrap, 2.0, tmp_path)
    worker = rig.worker()
    try:
        worker.start()
        worker.wait_for("no Kafka broker answers")
        broker.start()
        await rig.make_topics()
        worker.wait_for("scoring partitions [0, 1]")
        assert worker.stop() == 0
    finally:
        worker.end()
        broker.kill()


@pytest.mark.kafka
async def test_loses_nothing_when_kafka_goes_away(own_kafka: Cluster, tmp_path: Path) -> None:
    rig = Rig(own_kafka.bootstrap, 6.0, tmp_path)
    await rig.make_topics()
    worker = rig.worker("--write-within", "3")
    try:
        async with producer_to(rig.bootstrap) as producer:
            expected = await rig.produce(producer, range(30_000), 500)
        async with rig.read_changelog() as changelog:
            worker.start()
            await changelog.read_until(lambda read: events_in(read) > 0)
        (node,) = own_kafka.nodes
        own_kafka.kill(node)
        assert worker.process.wait(90) == 1
        assert worker.said("did not take records") or worker.said("has not answered")
        own_kafka.launch(node)
        own_kafka.wait(node)
        worker.start()  # as its supervisor does
        async with rig.read_changelog() as changelog:
            await changelog.read_until(lambda read: settled(read, expected), within_s=90)
            await check_all(rig, changelog, expected)
        assert worker.stop() == 0
    finally:
        worker.end()
