"""Which ids were erased: follows `leadheat.erasures`, so that a role forgets their rows too."""

import asyncio
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from connectors.hang_up import end, hang_up
from scorer.blocks import Hasher
from scorer.brokers import connection
from scorer.erasure import Notice
from scorer.topics import ERASURES, full_name

_FETCH_MS: Final = 500
_STOP_WITHIN_S: Final = 5.0


class Erasures:
    """Hashes of the ids that were erased, and may not come again."""

    def __init__(self, kafka: str, topic_prefix: str, key: bytes) -> None:
        self.told = 0
        """How many notices were read: more of them, and rows are to be looked through."""
        self._kafka = kafka
        self._topic = full_name(topic_prefix, ERASURES)
        self._hasher = Hasher(key)
        self._gone: set[bytes] = set()
        self._consumer: Any = None
        self._follower: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Reads all that is there, then follows. KafkaError: nobody answers; BlocksError: a wrong key."""
        self._consumer = AIOKafkaConsumer(
            **connection(self._kafka), client_id="leadheat-erasures", auto_offset_reset="earliest"
        )
        await self._consumer.start()
        cluster = await self._consumer._client.fetch_all_metadata()
        places = [TopicPartition(self._topic, number) for number in cluster.partitions_for_topic(self._topic)]
        self._consumer.assign(places)
        for place in places:
            self._consumer.seek(place, 0)
        while not await self._at_end(places):
            self._note(await self._consumer.getmany(timeout_ms=_FETCH_MS))
        self._follower = asyncio.create_task(self._follow(), name="erasures")

    async def stop(self) -> None:
        """Hangs up."""
        if self._follower is not None:
            await end(self._follower)
        if self._consumer is not None:
            await hang_up(self._consumer.stop(), _STOP_WITHIN_S)

    def gone(self, identity: str) -> bool:
        """Whether an id is erased; raises what ended the following, if anything did."""
        if self._follower is not None and self._follower.done():
            self._follower.result()
        return bool(self._gone) and self._hasher.hash(identity) in self._gone

    async def _at_end(self, places: list[TopicPartition]) -> bool:
        """By the answers to fetches: the embedded broker's ListOffsets is wrong about ends."""
        for place in places:
            end = self._consumer.highwater(place)
            if end is None or await self._consumer.position(place) < end:
                return False
        return True

    async def _follow(self) -> None:
        while True:
            self._note(await self._consumer.getmany(timeout_ms=_FETCH_MS))

    def _note(self, fetched: dict[TopicPartition, list[Any]]) -> None:
        for records in fetched.values():
            for record in records:
                hashed = bytes.fromhex((record.key or b"").decode())
                self._hasher.require_own(hashed)
                if msgspec.json.decode(record.value or b"", type=Notice).allowed is None:
                    self._gone.add(hashed)
                else:
                    self._gone.discard(hashed)
                self.told += 1
