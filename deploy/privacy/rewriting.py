"""Takes single records out of a topic that keeps all: copies what stays to its end, deletes what was before.

Kafka deletes only from the beginning. A copy has its record's bytes, key, time and headers, and one more that
says where the record stood, by which readers know that they had it. Cut off anywhere, it may be done again.
"""

from collections.abc import Callable
from typing import Any, Final

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import RecordsToDelete

from deploy.privacy.topic_log import partitions_of, read_all
from scorer.brokers import connection
from scorer.copies import HEADER, origin_of

_AT_ONCE: Final = 500


class Rewriter:
    """Rewrites partitions in which something must go."""

    def __init__(self, kafka: str, admin: Any) -> None:
        self._kafka = kafka
        self._admin = admin

    async def rewrite(self, topic: str, goes: Callable[[Any], bool]) -> int:
        """Removes the records that must go; how many there were."""
        return sum(
            [await self._partition(topic, number, goes) for number in await partitions_of(self._kafka, topic)]
        )

    async def _partition(self, topic: str, partition: int, goes: Callable[[Any], bool]) -> int:
        found, end = 0, 0
        async for record in read_all(self._kafka, topic, partition):
            found += goes(record)
            end = record.offset + 1
        if found:
            await self._copy(topic, partition, end, goes)
            part = TopicPartition(topic, partition)
            await self._admin.delete_records({part: RecordsToDelete(end)})
        return found

    async def _copy(self, topic: str, partition: int, end: int, goes: Callable[[Any], bool]) -> None:
        producer = AIOKafkaProducer(
            **connection(self._kafka), client_id="leadheat-privacy", acks="all", max_request_size=8 << 20
        )
        await producer.start()
        sent: list[Any] = []
        done: set[int] = set()  # an attempt that was cut off has left copies beside what they are of
        try:
            async for record in read_all(self._kafka, topic, partition):
                held = origin_of(record.headers)
                origin = record.offset if held is None else held
                if record.offset >= end or goes(record) or origin in done:
                    continue
                done.add(origin)
                headers = [one for one in record.headers if one[0] != HEADER]
                headers.append((HEADER, str(origin).encode()))
                sent.append(
                    await producer.send(
                        topic, record.value, record.key, partition, record.timestamp, headers=headers
                    )
                )
                if len(sent) >= _AT_ONCE:
                    await _all(sent)
            await _all(sent)
        finally:
            await producer.stop()


async def _all(sent: list[Any]) -> None:
    for future in sent:
        await future
    sent.clear()
