"""Records are taken out of a topic on a real Kafka: the others stay as they were, whatever cuts it off."""

import secrets
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from deploy.kafka.cluster import Cluster
from deploy.privacy.rewriting import Rewriter
from deploy.privacy.topic_log import read_all
from scorer.copies import origin_of
from scorer.topics import ALERTS, full_name
from streams import topics
from tests.streaming import producer_to

pytestmark = pytest.mark.kafka

STAMP = 1_793_523_600_000


class Broken(Rewriter):
    """One that is cut off before it deletes anything."""

    async def _partition(self, topic: str, partition: int, goes: Any) -> int:
        await self._copy(topic, partition, 1_000, goes)
        raise ConnectionError


async def fill(producer: AIOKafkaProducer, topic: str) -> None:
    for number in range(40):
        lead = b"u-gone" if number % 3 == 0 else b"u-%d" % number
        await producer.send_and_wait(
            topic, b"value %d" % number, lead, number % 2, STAMP + number, [("kept", b"%d" % number)]
        )


def shown(record: Any) -> tuple[Any, ...]:
    own = [one for one in record.headers if one[0] == "kept"]
    return record.key, record.value, record.timestamp, own


async def held(kafka: str, topic: str) -> list[Any]:
    return [record async for record in read_all(kafka, topic)]


@pytest.mark.parametrize("cut_off", [0, 2])
async def test_only_what_must_go_goes(real_kafka: Cluster, cut_off: int) -> None:
    kafka, prefix = real_kafka.bootstrap, f"test-{secrets.token_hex(4)}"
    topic = full_name(prefix, ALERTS)
    await topics.ensure(kafka, prefix, 2, 1)
    async with producer_to(kafka) as producer, topics.admin_of(kafka) as admin:
        await fill(producer, topic)
        before = await held(kafka, topic)
        for _ in range(cut_off):
            with pytest.raises(ConnectionError):
                await Broken(kafka, admin).rewrite(topic, lambda record: record.key == b"u-gone")
        removed = await Rewriter(kafka, admin).rewrite(topic, lambda record: record.key == b"u-gone")
        after = await held(kafka, topic)
        kept = [record for record in before if record.key != b"u-gone"]
        assert removed == len(before) - len(kept) == 14
        assert sorted(map(shown, after)) == sorted(map(shown, kept))
        assert {(r.partition, origin_of(r.headers)) for r in after} == {(r.partition, r.offset) for r in kept}
        again = await Rewriter(kafka, admin).rewrite(topic, lambda record: record.key == b"u-gone")
        assert (again, len(await held(kafka, topic))) == (0, len(kept))  # nothing to do: nothing moved
        second = await Rewriter(kafka, admin).rewrite(topic, lambda record: record.key == b"u-1")
        assert second == 1
        last = {(r.partition, origin_of(r.headers)) for r in await held(kafka, topic)}
        assert last == {(r.partition, r.offset) for r in kept if r.key != b"u-1"}
