"""A plain Faust agent, as Faust's guide writes it: one event at a time, a table write for each."""

import asyncio
import os
import sys
from typing import Any, Final

import faust
from faust.serializers.schemas import Schema

from scorer.messages import Record
from scorer.topics import ALERTS, HANDOVER, IN_TOPICS, SCORES, full_name
from streams.config import group_name
from tests.benchmarks.counting import parse, score_record
from tests.benchmarks.job import Job, Tally, given, mark
from tests.benchmarks.keyed import KeyedScorer

_WAIT_S: Final = 0.02
_RAW: Final[dict[str, Any]] = {
    "key_serializer": "raw",
    "value_serializer": "raw",
    "key_type": bytes,
    "value_type": bytes,
}


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
    log = app.topic(*(full_name(job.prefix, topic) for topic in IN_TOPICS), **_RAW)
    tally = Tally()
    app.agent(log)(_counting(app, job, tally) if job.task == "count" else _scoring(app, job, tally))
    await app.start()
    while tally.seen < job.count or _uncommitted(app, log.topics, job.count) or app.producer.buffer.size:
        await asyncio.sleep(_WAIT_S)
    mark(tally.seen)
    sys.stdout.flush()
    os._exit(0)  # a clean stop takes seconds of fixed sleeps


def _counting(app: Any, job: Job, tally: Tally) -> Any:
    counters = app.Table("leads", default=int, partitions=job.partitions)
    scores = _out(app, job, SCORES)

    async def count(stream: Any) -> None:
        async for value in stream:
            tally.one()
            lead = parse(value).lead_id
            counters[lead] += 1
            key = lead.encode()
            await scores.send(key=key, value=score_record(key, counters[lead]))

    return count


def _scoring(app: Any, job: Job, tally: Tally) -> Any:
    schema = Schema(**_RAW)
    states = app.Table("leads", schema=schema, key_type=bytes, value_type=bytes, partitions=job.partitions)
    scorer = KeyedScorer(job.grid, states)
    names = {full_name(job.prefix, topic): topic for topic in IN_TOPICS}
    out = {topic: _out(app, job, topic) for topic in (SCORES, ALERTS, HANDOVER)}

    async def score(stream: Any) -> None:
        async for event in stream.events():
            tally.one()
            of = event.message
            moment = int(of.timestamp * 1_000_000)
            record = Record(names[of.topic], of.partition, of.offset, moment, of.key, event.value)
            for send in scorer.score(record):
                await out[send.topic].send(key=send.key, value=send.value)

    return score


def _out(app: Any, job: Job, topic: str) -> Any:
    return app.topic(full_name(job.prefix, topic), partitions=job.partitions, **_RAW)


def _uncommitted(app: Any, topics: list[str], count: int) -> bool:
    committed = app.consumer._committed_offset
    return sum(offset or 0 for tp, offset in committed.items() if tp.topic in topics) < count


if __name__ == "__main__":
    asyncio.run(main(given()))
