"""Follows all partitions of a topic from its beginning, without a group: what everybody must know of."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from connectors.hang_up import end, hang_up
from scorer.brokers import connection

_FETCH_MS: Final = 500
_STOP_WITHIN_S: Final = 5.0


class Follower:
    """Hands each record to `note`, in the order of its partition."""

    def __init__(self, kafka: str, topic: str, client_id: str, note: Callable[[Any], None]) -> None:
        self._topic = topic
        self._note = note
        self._consumer = AIOKafkaConsumer(
            **connection(kafka), client_id=client_id, auto_offset_reset="earliest"
        )
        self._following: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Reads all that is there, then follows. KafkaError where nobody answers; what `note` raises."""
        await self._consumer.start()
        cluster = await self._consumer._client.fetch_all_metadata()
        places = [
            TopicPartition(self._topic, number) for number in cluster.partitions_for_topic(self._topic) or ()
        ]
        self._consumer.assign(places)
        for place in places:
            self._consumer.seek(place, 0)
        while not await self._at_end(places):
            await self._take()
        self._following = asyncio.create_task(self._follow(), name=f"follows {self._topic}")

    async def stop(self) -> None:
        """Hangs up."""
        if self._following is not None:
            await end(self._following)
        await hang_up(self._consumer.stop(), _STOP_WITHIN_S)

    def check(self) -> None:
        """Raises what ended the following, if anything did."""
        if self._following is not None and self._following.done():
            self._following.result()

    async def _at_end(self, places: list[TopicPartition]) -> bool:
        """By the answers to fetches: the embedded broker's ListOffsets is wrong about ends."""
        for place in places:
            last = self._consumer.highwater(place)
            if last is None or await self._consumer.position(place) < last:
                return False
        return True

    async def _follow(self) -> None:
        while True:
            await self._take()

    async def _take(self) -> None:
        for records in (await self._consumer.getmany(timeout_ms=_FETCH_MS)).values():
            for record in records:
                self._note(record)
