"""Sends the order to erase a person to the workers, and waits until they have carried it out."""

import asyncio
import time
from collections.abc import Iterable
from typing import Any, Final

from aiokafka import AIOKafkaProducer, TopicPartition

from deploy.errors import DeployError
from deploy.privacy.person import Person, find
from deploy.privacy.topic_log import partitions_of
from scorer import handover
from scorer.brokers import connection
from scorer.partitioner import partition_of
from scorer.topics import HANDOVER, full_name
from streams.config import group_name
from streams.topics import admin_of

_LOOK_AGAIN_S: Final = 0.5
_ROUNDS: Final = 5
"""An order is passed on to ids that nobody knew of yet; each round finds what the one before left."""


class NoTopicsError(DeployError):
    """The broker has no topics of the product's under this prefix."""


class Orders:
    """Messages on the topic of hand-overs, and how far the workers have read them."""

    def __init__(self, kafka: str, prefix: str, within_s: float) -> None:
        """`within_s`: how long the workers may take for each round."""
        self._kafka = kafka
        self._prefix = prefix
        self._within_s = within_s
        self._topic = full_name(prefix, HANDOVER)

    async def erase(self, person: Person) -> set[str] | None:
        """Erases a person; all its ids, or None: the workers did not do so in time."""
        ids, shared = set(person.ids), set(person.shared)
        for _ in range(_ROUNDS):
            order = handover.Erase(sorted(ids))
            if not await self.send(ids | shared, order):
                return None
            left = await find(self._kafka, self._prefix, ids)
            if not left.left:
                return ids
            ids |= left.ids
            shared = left.shared
        return None

    async def send(self, to: Iterable[str], order: handover.Message) -> bool:
        """Sends an order to some ids; whether the workers have carried it out in time."""
        value, now_ms = handover.encode(order), time.time_ns() // 1_000_000
        partitions = len(await partitions_of(self._kafka, self._topic))
        if not partitions:
            raise NoTopicsError(
                f"there is no topic {self._topic}: `leadheat topics` makes it, if the prefix is right"
            )
        producer = AIOKafkaProducer(**connection(self._kafka), client_id="leadheat-privacy", acks="all")
        await producer.start()
        reached: dict[TopicPartition, int] = {}
        try:
            for one in sorted(to):
                key = one.encode()
                partition = partition_of(key, partitions)
                sent = await producer.send_and_wait(
                    self._topic, value, key=key, partition=partition, timestamp_ms=now_ms
                )
                reached[TopicPartition(self._topic, partition)] = sent.offset
        finally:
            await producer.stop()
        return await self._done(reached)

    async def _done(self, reached: dict[TopicPartition, int]) -> bool:
        deadline = time.monotonic() + self._within_s
        async with admin_of(self._kafka) as admin:
            while time.monotonic() < deadline:
                committed = await committed_by(admin, group_name(self._prefix), list(reached))
                if all(committed.get(part, 0) > offset for part, offset in reached.items()):
                    return True
                await asyncio.sleep(_LOOK_AGAIN_S)
        return False


async def committed_by(admin: Any, group: str, parts: list[TopicPartition]) -> dict[TopicPartition, int]:
    """What a consumer group has committed of some partitions; those it has not are left out."""
    found = await admin.list_consumer_group_offsets(group, partitions=parts) if parts else {}
    return {part: one.offset for part, one in found.items() if one.offset >= 0}
