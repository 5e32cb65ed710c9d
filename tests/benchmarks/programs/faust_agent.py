"""A plain Faust agent, as Faust's guide writes it: one event at a time, a table write for each."""

import asyncio
import os
import sys
from typing import Any

import faust
from faust.serializers.schemas import Schema

from scorer.messages import Record
from scorer.topics import ALERTS, HANDOVER, IN_TOPICS, SCORES, full_name
from streams.config import group_name
from tests.benchmarks.counting import parse, score_record
from tests.benchmarks.job import Job, given, mark
from tests.benchmarks.keyed import KeyedScorer

_WAIT_S = 0.02


async def main(job: Job) -> None:
    """Runs until all is counted or scored, sent and committed."""
    app = faust.App(
        group_name(job.prefix),
        broker=f"kafka://{job.kafka}",
        store="memory://",
        web_enabled=False,
        autodiscover=False,
        topic_disable_leader=True,
        topic_partitions=job.partitions,
        datadir=job.folder,
        broker_session_timeout=6.0,
        broker_heartbeat_interval=1.2,
        broker_commit_interval=1.0,
        stream_recovery_delay=0.0,
        consumer_auto_offset_reset="earliest",
    )
    raw: dict[str, Any] = {"key_serializer": "raw", "value_serializer": "raw"}
    raw |= {"key_type": bytes, "value_type": bytes}
    log = app.topic(*(full_name(job.prefix, topic) for topic in IN_TOPICS), **raw)
    out = {
        topic: app.topic(full_name(job.prefix, topic), **raw, partitions=job.partitions)
        for topic in (SCORES, ALERTS, HANDOVER)
    }
    seen = 0

    def tell() -> None:
        nonlocal seen
        seen += 1
        if seen == job.warm:
            mark(seen)

    if job.task == "count":
        counters = app.Table("leads", default=int, partitions=job.partitions)

        @app.agent(log)
        async def count(stream: Any) -> None:
            async for value in stream:
                lead = parse(value).lead_id
                counters[lead] += 1
                key = lead.encode()
                await out[SCORES].send(key=key, value=score_record(key, counters[lead]))
                tell()

    else:
        schema = Schema(key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
        states = app.Table(
            "leads", schema=schema, key_type=bytes, value_type=bytes, partitions=job.partitions
        )
        scorer = KeyedScorer(job.grid, states)
        names = {full_name(job.prefix, topic): topic for topic in IN_TOPICS}

        @app.agent(log)
        async def score(stream: Any) -> None:
            async for event in stream.events():
                of = event.message
                moment = int(of.timestamp * 1_000_000)
                record = Record(names[of.topic], of.partition, of.offset, moment, of.key, event.value)
                for send in scorer.score(record):
                    await out[send.topic].send(key=send.key, value=send.value)
                tell()

    await app.start()
    while seen < job.count or _uncommitted(app, log.topics, job.count) or app.producer.buffer.size:
        await asyncio.sleep(_WAIT_S)
    mark(seen)
    sys.stdout.flush()
    os._exit(0)  # a clean stop takes seconds of fixed sleeps


def _uncommitted(app: Any, topics: list[str], count: int) -> bool:
    committed = app.consumer._committed_offset
    return sum(offset or 0 for tp, offset in committed.items() if tp.topic in topics) < count


if __name__ == "__main__":
    asyncio.run(main(given()))
