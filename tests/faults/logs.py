"""Reads whole topics back, and where the workers' group stands in them."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import TopicPartition

from scorer.topics import HANDOVER, IN_TOPICS, full_name
from streams.config import changelog_name, group_name


@dataclass(frozen=True)
class Topics:
    """The topics of one run of the bench."""

    bootstrap: str
    prefix: str
    partitions: int

    def of(self, *short: str) -> list[TopicPartition]:
        """All partitions of topics given by their short names; `changelog` is the states'."""
        names = [self.full(name) for name in short]
        return [TopicPartition(name, number) for name in names for number in range(self.partitions)]

    def full(self, short: str) -> str:
        """A topic's full name."""
        return changelog_name(self.prefix) if short == "changelog" else full_name(self.prefix, short)

    @property
    def sources(self) -> list[TopicPartition]:
        """All that workers read."""
        return self.of(*IN_TOPICS, HANDOVER)

    async def read(self, *short: str) -> list[Any]:
        """All records up to the ends that the topics have now; in order within each partition."""
        async with Transcript(self, *short) as transcript:
            await transcript.catch_up()
            return transcript.records


class Transcript:
    """The records of some topics, read on whenever asked."""

    def __init__(self, topics: Topics, *short: str) -> None:
        self._tps = topics.of(*short)
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=topics.bootstrap,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=50,
            max_partition_fetch_bytes=4 << 20,
        )
        self.records: list[Any] = []

    async def __aenter__(self) -> "Transcript":
        await self._consumer.start()
        self._consumer.assign(self._tps)
        await self._consumer.seek_to_beginning(*self._tps)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    async def catch_up(self) -> None:
        """Reads up to the ends that the topics have now."""
        ends = await self._consumer.end_offsets(self._tps)
        while [tp for tp in self._tps if await self._consumer.position(tp) < ends[tp]]:
            for fetched in (await self._consumer.getmany(timeout_ms=100)).values():
                self.records += fetched

    def of(self, full_name: str) -> list[Any]:
        """The records of one topic."""
        return [record for record in self.records if record.topic == full_name]


class Gauge:
    """Looks at ends and committed offsets from outside."""

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self._consumer = AIOKafkaConsumer(bootstrap_servers=topics.bootstrap, enable_auto_commit=False)
        self._admin = AIOKafkaAdminClient(bootstrap_servers=topics.bootstrap)

    async def __aenter__(self) -> "Gauge":
        await self._consumer.start()
        await self._admin.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()
        await self._admin.close()

    async def ends(self, tps: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The ends of partitions."""
        found: dict[TopicPartition, int] = await self._consumer.end_offsets(list(tps))
        return found

    async def committed(self) -> dict[TopicPartition, int]:
        """What the group has committed; partitions that never were are not in it."""
        found = await self._admin.list_consumer_group_offsets(group_name(self._topics.prefix))
        return {tp: one.offset for tp, one in found.items() if one.offset >= 0}

    async def lags(self) -> dict[int, int]:
        """Records not yet committed, by partition number."""
        committed = await self.committed()
        ends = await self.ends(self._topics.sources)
        lags: dict[int, int] = dict.fromkeys(range(self._topics.partitions), 0)
        for tp, end in ends.items():
            lags[tp.partition] += max(0, end - committed.get(tp, 0))
        return lags


@dataclass
class Standstill:
    """The longest time that a partition number had records waiting and nothing of it was committed."""

    longest_s: float = 0.0
    partition: int | None = None

    def __post_init__(self) -> None:
        self._since: dict[int, tuple[object, float]] = {}

    def look(self, committed: dict[TopicPartition, int], lags: dict[int, int]) -> None:
        """Takes one look."""
        now = time.monotonic()
        for partition, lag in lags.items():
            state = sorted((tp.topic, at) for tp, at in committed.items() if tp.partition == partition)
            known, since = self._since.get(partition, (state, now))
            if known != state or not lag:
                since = now
            self._since[partition] = (state, since)
            if now - since > self.longest_s:
                self.longest_s, self.partition = now - since, partition
