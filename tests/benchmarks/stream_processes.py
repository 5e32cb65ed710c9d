"""The programs that the benchmark of the stream compares, each a process of its own: NAME KAFKA PREFIX …"""

import asyncio
import contextlib
import logging
import os
import sys
import tempfile
import time
from collections.abc import Iterable, MutableMapping
from pathlib import Path
from typing import Any

import faust
import msgspec
from aiokafka import AIOKafkaConsumer
from prometheus_client import REGISTRY

from scorer.event import decode
from scorer.messages import Changes, Record, Send
from scorer.plan import Plan
from scorer.shard import Shard
from scorer.times import Micros
from scorer.topics import IN_TOPICS, SCORES, full_name
from streams.config import WorkerConfig
from streams.shards import MakeShard
from streams.worker import run


def _report(name: str, count: int, wall_s: float, cpu_s: float) -> None:
    result = {"name": name, "events": count, "wall_s": wall_s, "cpu_s": cpu_s}
    print(msgspec.json.encode(result).decode(), flush=True)


class _Stopwatch:
    """Wall and CPU time since the first record."""

    def __init__(self) -> None:
        self._from: tuple[float, float] | None = None

    def start(self) -> None:
        if self._from is None:
            self._from = time.perf_counter(), time.process_time()

    def read(self) -> tuple[float, float]:
        assert self._from is not None
        return time.perf_counter() - self._from[0], time.process_time() - self._from[1]


async def consume_and_parse(kafka: str, prefix: str, count: int) -> None:
    """Fetches the in-topics and decodes every event: what any scoring in Python costs at the least."""
    consumer = AIOKafkaConsumer(
        *(full_name(prefix, topic) for topic in IN_TOPICS),
        bootstrap_servers=kafka,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    watch, seen = _Stopwatch(), 0
    while seen < count:
        for records in (await consumer.getmany(timeout_ms=100)).values():
            watch.start()
            for record in records:
                decode(record.value)
            seen += len(records)
    _report("consume and parse only", seen, *watch.read())
    await consumer.stop()


async def faust_one_at_a_time(kafka: str, prefix: str, count: int) -> None:
    """A Faust agent as its guide writes it: one event at a time, a table write for each."""
    app = faust.App(
        f"{prefix}.plain",
        broker=f"kafka://{kafka}",
        store="memory://",
        web_enabled=False,
        autodiscover=False,
        topic_disable_leader=True,
        topic_partitions=int(sys.argv[5]),
        datadir=tempfile.mkdtemp(),
        broker_session_timeout=6.0,
        consumer_auto_offset_reset="earliest",
    )
    table = app.Table("plain", default=int, partitions=int(sys.argv[5]))
    watch, seen, done = _Stopwatch(), 0, asyncio.Event()
    topics = app.topic(
        *(full_name(prefix, topic) for topic in IN_TOPICS), value_type=bytes, value_serializer="raw"
    )

    @app.agent(topics)
    async def count_events(stream: Any) -> None:
        nonlocal seen
        async for value in stream:
            watch.start()
            table[decode(value).key] += 1
            seen += 1
            if seen == count:
                done.set()

    await app.start()
    await done.wait()
    _report("Faust agent, one at a time", seen, *watch.read())
    sys.stdout.flush()
    os._exit(0)


def _scored() -> float:
    return sum(
        sample.value
        for metric in REGISTRY.collect()
        if metric.name == "leadheat_events"
        for sample in metric.samples
        if sample.name == "leadheat_events_total"
    )


class CountingShard:
    """As little as a shard can do: decodes each event, keeps a number a lead, sends it."""

    def __init__(self, plan: Plan, store: MutableMapping[bytes, bytes], *_: int) -> None:
        self._store = store
        self._touched: dict[bytes, int] = {}
        self._changes = Changes()

    @property
    def leads(self) -> int:
        return len(self._store)

    full = False

    def recover(self, again: Iterable[bytes] = ()) -> Changes:
        return Changes()

    def receive(self, records: Iterable[Record]) -> None:
        touched, counts = self._touched, self._changes.counts
        for record in records:
            key = decode(record.value or b"").key.encode()
            if key not in touched:
                touched[key] = int(self._store.get(key, b"0"))
            touched[key] += 1
            counts["page-views", "scored"] = counts.get(("page-views", "scored"), 0) + 1

    def advance(self, now: int) -> None:
        """Time changes nothing here."""

    def next_wake(self) -> int | None:
        return None

    def regrid(self, plan: Plan) -> Changes:
        return Changes()

    def flush(self) -> Changes:
        changes, self._changes = self._changes, Changes()
        changes.states = [(key, b"%d" % count) for key, count in self._touched.items()]
        changes.scores = [Send(SCORES, key, b"%d" % count, 0) for key, count in self._touched.items()]
        self._store.update((key, state) for key, state in changes.states if state is not None)
        self._touched = {}
        return changes

    def settle(self) -> list[tuple[bytes, bytes]]:
        return []


def _end_when_scored(name: str, count: int) -> None:
    """Watches the worker's own metric from a thread; it counts what is written and acknowledged."""
    import threading

    def watch() -> None:
        timer, before = _Stopwatch(), 0.0
        while (scored := _scored()) < count:
            if scored and not before:
                before = scored
                timer.start()
            time.sleep(0.1)  # collecting metrics holds up the worker
        _report(name, int(scored - before), *timer.read())
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def worker(name: str, kafka: str, prefix: str, count: int, make_shard: MakeShard) -> None:
    """The worker as it runs in production, but for the shard."""
    logging.basicConfig(level=logging.WARNING)
    _end_when_scored(name, count)
    config = WorkerConfig(
        kafka=kafka,
        topic_prefix=prefix,
        grid=Path(sys.argv[6]),
        clock=lambda: Micros(time.time_ns() // 1_000),
        partitions=int(sys.argv[5]),
        session_timeout_s=6.0,
    )
    sys.exit(run(config, make_shard))


if __name__ == "__main__":
    program, address, topic_prefix, number = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    with contextlib.suppress(KeyboardInterrupt):
        if program == "worker":
            worker("LeadHeat worker", address, topic_prefix, number, Shard)
        elif program == "delivery":
            worker("LeadHeat worker that only counts", address, topic_prefix, number, CountingShard)
        elif program == "parse":
            asyncio.run(consume_and_parse(address, topic_prefix, number))
        else:
            asyncio.run(faust_one_at_a_time(address, topic_prefix, number))
