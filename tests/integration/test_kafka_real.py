"""The real Kafka that other tests rely on: it starts, and keeps records over a crash."""

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.kafka.cluster import Cluster

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


async def test_keeps_what_it_acknowledged_over_a_crash(real_kafka: Cluster) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=real_kafka.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic("kept", 1, 1)])
    await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=real_kafka.bootstrap, acks="all") as producer:
        await producer.send_and_wait("kept", b"before the crash")

    node = real_kafka.nodes[0]
    real_kafka.kill(node)
    real_kafka.launch(node)
    real_kafka.wait(node)

    consumer = AIOKafkaConsumer(
        "kept",
        bootstrap_servers=real_kafka.bootstrap,
        auto_offset_reset="earliest",
        request_timeout_ms=20_000,
    )
    async with consumer:
        record = await consumer.getone()
    assert record.value == b"before the crash"
