"""Reads the topics without a consumer group, from offsets that somebody else keeps."""

import heapq
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import OffsetOutOfRangeError

from connectors.hang_up import hang_up
from connectors.serve.errors import LogResetError
from connectors.serve.facts import PARKED, Incoming
from scorer.brokers import connection
from scorer.copies import origin_of
from scorer.erasure import ERASED
from scorer.times import Micros
from scorer.topics import ACCOUNTS, ALERTS, DELIVERIES, ERASURES, IN_TOPICS, SCORES, TASKS, full_name

REQUIRED: Final = (SCORES, ALERTS, *IN_TOPICS)
_READ: Final = (*REQUIRED, PARKED, ERASURES, ACCOUNTS, DELIVERIES, TASKS)
_BATCH: Final = 2_000
_WAIT_MS: Final = 200
_STOP_WITHIN_S: Final = 5.0


async def partitions(
    kafka: str,
    prefix: str,
    topics: Iterable[str] = _READ,
) -> dict[str, set[int]]:
    """The partitions of the topics that are read, by short name; topics that aren't there are left out."""
    client = AIOKafkaClient(**connection(kafka), client_id="leadheat-serve")
    try:
        await client.bootstrap()
        cluster = await client.fetch_all_metadata()
    finally:
        await hang_up(client.close(), _STOP_WITHIN_S)
    known = {topic: cluster.partitions_for_topic(full_name(prefix, topic)) for topic in topics}
    return {topic: set(found) for topic, found in known.items() if found}


class TopicsReader:
    """An aiokafka consumer on every partition, which knows when it has read what was there at its start.

    Ends are taken from the answers to fetches: the embedded broker's ListOffsets is wrong about them.
    """

    def __init__(self, consumer: AIOKafkaConsumer, prefix: str, parts: Iterable[TopicPartition]) -> None:
        self._consumer = consumer
        self._prefix = f"{prefix}."
        self._parts = list(parts)
        self._targets: dict[TopicPartition, int] = {}
        self._next: dict[TopicPartition, int] = {}

    async def batch(self) -> list[Incoming]:
        """Some records, those of each partition in their order, or none. LogResetError: the past is gone.

        Partitions are merged by the moments of arrival, which say nothing within one: the deletion of a score
        bears an earlier moment than a score that time has been let pass on.
        """
        try:
            fetched = await self._consumer.getmany(timeout_ms=_WAIT_MS, max_records=_BATCH)
        except OffsetOutOfRangeError as error:
            raise LogResetError("a topic no longer holds the offset that the cache was read up to") from error
        found: list[list[Incoming]] = []
        for part, records in fetched.items():
            short = part.topic.removeprefix(self._prefix)
            self._next[part] = records[-1].offset + 1
            found.append([_incoming(short, one) for one in records])
        await self._look()
        return list(heapq.merge(*found, key=lambda one: one.timestamp))

    async def _look(self) -> None:
        for part in self._parts:
            end = self._consumer.highwater(part)
            if end is None:
                continue
            if part not in self._next:
                self._next[part] = await self._consumer.position(part)
            if end < self._next[part]:
                raise LogResetError(
                    f"{part.topic} ends before what the cache was read up to: it is another log"
                )
            self._targets.setdefault(part, end)

    def end(self, topic: str, partition: int) -> int:
        """Where a partition ended when it was first read."""
        return self._targets.get(TopicPartition(self._prefix + topic, partition), 0)

    def ends(self, topics: Iterable[str]) -> dict[TopicPartition, int]:
        """Where partitions of some topics end now, as far as that is known."""
        names = {self._prefix + topic for topic in topics}
        found = ((part, self._consumer.highwater(part)) for part in self._parts if part.topic in names)
        return {part: end for part, end in found if end is not None}

    @property
    def complete(self) -> bool:
        """Whether everything that was there at the start has been read."""
        return all(part in self._targets and self._next[part] >= self._targets[part] for part in self._parts)

    @property
    def behind(self) -> bool:
        """Whether the topics hold more than was read."""
        ends = ((part, self._consumer.highwater(part)) for part in self._parts)
        return any(end is None or self._next.get(part, 0) < end for part, end in ends)


def _incoming(topic: str, one: Any) -> Incoming:
    moment = Micros(one.timestamp * 1_000)
    origin, erased = origin_of(one.headers), _erased(one.headers)
    return Incoming(topic, one.partition, one.offset, moment, one.key, one.value, origin, erased)


def _erased(headers: Iterable[tuple[str, bytes]]) -> bytes | None:
    for name, value in headers:
        if name == ERASED:
            return bytes.fromhex(value.decode())
    return None


@asynccontextmanager
async def reading(
    kafka: str, prefix: str, known: dict[str, set[int]], offsets: dict[str, int]
) -> AsyncIterator[TopicsReader]:
    """A reader that goes on from the offsets given, elsewhere from the beginning."""
    consumer = AIOKafkaConsumer(
        **connection(kafka),
        client_id="leadheat-serve",
        enable_auto_commit=False,
        auto_offset_reset="none",
        fetch_max_wait_ms=_WAIT_MS // 2,
    )
    try:
        await consumer.start()
        parts = {
            f"{topic}:{partition}": TopicPartition(full_name(prefix, topic), partition)
            for topic, numbers in known.items()
            for partition in sorted(numbers)
        }
        consumer.assign(list(parts.values()))
        for name, part in parts.items():
            if name in offsets:
                consumer.seek(part, offsets[name])
        if fresh := [part for name, part in parts.items() if name not in offsets]:
            await consumer.seek_to_beginning(*fresh)
        yield TopicsReader(consumer, prefix, parts.values())
    finally:
        if not await hang_up(consumer.stop(), _STOP_WITHIN_S):
            await hang_up(consumer._client.close(), _STOP_WITHIN_S)  # which that stop did not come to
