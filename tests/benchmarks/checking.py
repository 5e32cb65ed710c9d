"""Checks that a measured engine did all of its work: scores, durable states, committed offsets."""

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from scorer import lead as states
from scorer.grid import load_grid
from scorer.plan import Plan
from scorer.record import base
from scorer.shard import Shard
from scorer.times import Micros, parse_time
from scorer.topics import SCORES, full_name
from scorer.walk import Walker
from streams.config import group_name
from streams.topics import admin_of
from tests.benchmarks.engines import Engine
from tests.benchmarks.job import Job
from tests.benchmarks.load import Log
from tests.benchmarks.running import BenchmarkError

_NEAR: Final = 1e-6
_BATCH: Final = 4_000


class Reference:
    """What the scores of a log must be, by one shard that takes it in order."""

    def __init__(self, log: Log, grid: str) -> None:
        self._plan = Plan(load_grid(grid))
        self._states: dict[bytes, bytes] = {}
        shard = Shard(self._plan, self._states, 0, 1)
        records = log.records({})
        for start in range(0, len(records), _BATCH):
            shard.receive(records[start : start + _BATCH])
            shard.flush()
            shard.settle()

    def problem(self, key: bytes, value: bytes) -> str | None:
        """What is wrong with the last score record of a lead: it must hold all events, at its own moment."""
        lead, _ = states.decode(self._states[key])
        told = msgspec.json.decode(value)
        moment = parse_time(told["as_of"])
        if moment < lead.evidence.newest:
            return f"{key!r}: the score is of {told['as_of']}, and events came later"
        walker = Walker(self._plan, lead.evidence, lead.course, lead.mask)
        found = walker.terms(moment)
        right = base(key.decode(), lead.evidence, lead.course, found, self._plan, Micros(moment))["score"]
        if abs(told["score"] - right) > _NEAR:
            return f"{key!r}: a score of {told['score']}, {right} is right"
        return None


async def check(engine: Engine, job: Job, log: Log, reference: Reference | None) -> None:
    """Raises BenchmarkError where an engine's work is not what the log asks for."""
    if engine.kept == "nothing":
        return
    async with admin_of(job.kafka) as client:
        topics = [topic for topic in await client.list_topics() if job.prefix in topic]
        committed = await client.list_consumer_group_offsets(group_name(job.prefix))
    last = await _last(job.kafka, [full_name(job.prefix, SCORES)], job.partitions)
    problems = _wrong_scores(last, log, reference)
    done = sum(one.offset for one in committed.values() if one.offset > 0)
    if engine.commits and done < job.count:
        problems.append(f"{done} of {job.count} offsets committed")
    if engine.kept == "changelog":
        changelogs = [topic for topic in topics if "changelog" in topic]
        durable = len(await _last(job.kafka, changelogs, job.partitions))
    else:
        durable = _kept_on_disk(Path(job.folder))
    if durable < len(log.by_lead()):
        problems.append(f"{durable} states are durable, of {len(log.by_lead())} leads")
    if problems:
        raise BenchmarkError(f"{engine.label} did not do its work: " + "; ".join(problems[:5]))


def _wrong_scores(last: Mapping[bytes, bytes], log: Log, reference: Reference | None) -> list[str]:
    counts = log.by_lead()
    without = counts.keys() - last.keys()
    problems = [f"{len(without)} leads have no score"] if without else []
    for key, count in counts.items():
        value = last.get(key)
        if value is None:
            continue
        if reference is not None:
            problem = reference.problem(key, value)
        else:
            told = msgspec.json.decode(value)["score"]
            problem = None if told == count else f"{key!r}: counted {told} of {count} events"
        if problem:
            problems.append(problem)
    return problems


def _kept_on_disk(folder: Path) -> int:
    """Keys in Bytewax's recovery store."""
    keys = set()
    for file in folder.rglob("*.sqlite3"):
        with sqlite3.connect(file) as database:
            keys.update(database.execute("SELECT DISTINCT state_key FROM snaps").fetchall())
    return len(keys)


async def _last(kafka: str, topics: list[str], partitions: int) -> dict[bytes, bytes]:
    """The last value of each key."""
    found: dict[bytes, bytes] = {}
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="earliest", check_crcs=False)
    await consumer.start()
    try:
        places = [TopicPartition(topic, number) for topic in topics for number in range(partitions)]
        ends = await consumer.end_offsets(places)
        left = {place for place in places if ends[place]}
        consumer.assign(left)
        while left:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found.update((record.key, record.value) for record in records)
            left = {place for place in left if await consumer.position(place) < ends[place]}
    finally:
        await consumer.stop()
    return found


async def forget(kafka: str, prefix: str) -> None:
    """Deletes the topics of a run."""
    async with admin_of(kafka) as client:
        await client.delete_topics([topic for topic in await client.list_topics() if prefix in topic])
