"""A loop written by hand on aiokafka: states in a dict, a changelog record for each lead of a fetch.

It is a yardstick, not an engine: it neither recovers its states nor survives a rebalance or a bad record.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from scorer.grid import load_grid
from scorer.messages import Record
from scorer.plan import Plan
from scorer.shard import Shard
from scorer.topics import IN_TOPICS, SCORES, full_name
from streams.config import changelog_name, group_name
from tests.benchmarks.counting import Counters, score_record
from tests.benchmarks.job import Job, given, mark

_MOST_RECORDS = 16_384
_COMMIT_EVERY_S = 1.0

Rows = Iterable[tuple[bytes, bytes | None]]


class Loop:
    """Fetch, apply, write, commit."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._topics = {full_name(job.prefix, topic): topic for topic in IN_TOPICS}
        self._scores = full_name(job.prefix, SCORES)
        self._changelog = changelog_name(job.prefix)
        self._producer = AIOKafkaProducer(
            bootstrap_servers=job.kafka, acks="all", max_batch_size=1 << 19, max_request_size=8 << 20
        )
        plan = Plan(load_grid(job.grid)) if job.task == "score" else None
        numbers = range(job.partitions)
        self._counters = [Counters({}) for _ in numbers]
        self._shards = [Shard(plan, {}, number, job.partitions) for number in numbers] if plan else []

    async def run(self) -> None:
        """Until the log is done, and what came of it acknowledged and committed."""
        consumer = AIOKafkaConsumer(
            *self._topics,
            bootstrap_servers=self._job.kafka,
            group_id=group_name(self._job.prefix),
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        await self._producer.start()
        await consumer.start()
        seen, committed = 0, time.monotonic()
        offsets: dict[TopicPartition, int] = {}
        while seen < self._job.count:
            fetched = await consumer.getmany(timeout_ms=100, max_records=_MOST_RECORDS)
            if fetched and not seen:
                mark(0)
            await (self._score(fetched) if self._shards else self._count(fetched))
            for tp, records in fetched.items():
                offsets[tp] = records[-1].offset + 1
                seen += len(records)
            if offsets and time.monotonic() - committed > _COMMIT_EVERY_S:
                await consumer.commit(offsets)
                offsets, committed = {}, time.monotonic()
        if offsets:
            await consumer.commit(offsets)
        mark(seen)
        await consumer.stop()
        await self._producer.stop()

    async def _count(self, fetched: dict[TopicPartition, list[Any]]) -> None:
        for tp, records in fetched.items():
            self._counters[tp.partition].add(self._topics[tp.topic], records)
        sent: list[asyncio.Future[Any]] = []
        for partition in {tp.partition for tp in fetched}:
            written = self._counters[partition].flush()
            scores = ((key, score_record(key, count)) for key, _, count in written)
            sent += await self._send(self._scores, partition, scores)
            sent += await self._send(self._changelog, partition, ((key, state) for key, state, _ in written))
        await asyncio.gather(*sent)

    async def _score(self, fetched: dict[TopicPartition, list[Any]]) -> None:
        """As the product writes it: scores and states, then the outboxes, then the states without them."""
        for tp, records in fetched.items():
            topic = self._topics[tp.topic]
            self._shards[tp.partition].receive(
                Record(topic, tp.partition, r.offset, r.timestamp * 1000, r.key, r.value) for r in records
            )
        partitions = {tp.partition for tp in fetched}
        changes = {partition: self._shards[partition].flush() for partition in partitions}
        sent: list[asyncio.Future[Any]] = []
        for partition, one in changes.items():
            sent += await self._send(self._scores, partition, ((s.key, s.value) for s in one.scores))
            sent += await self._send(self._changelog, partition, one.states)
        await asyncio.gather(*sent)
        sent = []
        for partition, one in changes.items():
            by_topic: defaultdict[str, list[tuple[bytes, bytes | None]]] = defaultdict(list)
            for send in one.outbox:
                by_topic[send.topic].append((send.key, send.value))
            for topic, rows in by_topic.items():
                sent += await self._send(full_name(self._job.prefix, topic), partition, rows)
        await asyncio.gather(*sent)
        sent = []
        for partition in partitions:
            sent += await self._send(self._changelog, partition, self._shards[partition].settle())
        await asyncio.gather(*sent)

    async def _send(self, topic: str, partition: int, rows: Rows) -> list[asyncio.Future[Any]]:
        sent, batch = [], self._producer.create_batch()
        for key, value in rows:
            if batch.append(timestamp=None, key=key, value=value) is None:
                sent.append(await self._producer.send_batch(batch, topic, partition=partition))
                batch = self._producer.create_batch()
                batch.append(timestamp=None, key=key, value=value)
        if batch.record_count():
            sent.append(await self._producer.send_batch(batch, topic, partition=partition))
        return sent


async def _main(job: Job) -> None:
    await Loop(job).run()


if __name__ == "__main__":
    asyncio.run(_main(given()))
