"""What a million leads take: bytes, memory, time to recover, and what an event costs among so many.

Run as `python -m tests.benchmarks.bench_state`; each figure is measured in a process of its own.
"""

import argparse
import asyncio
import gc
import logging
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

import msgspec
from aiokafka import AIOKafkaProducer
from rich.console import Console
from rich.table import Table

from deploy.kafka.cluster import Cluster
from scorer.messages import Record
from scorer.partitioner import partition_of
from scorer.residents import names_a_lead
from scorer.shard import Shard
from scorer.times import SECOND, Micros
from streams import topics
from streams.batching.rocks_table import RocksTable, shared_cache
from streams.batching.store import PartitionStore
from streams.config import WorkerConfig, changelog_name
from streams.worker import run
from tests.benchmarks import states

PREFIX: Final = "bench"
WITHIN_S: Final = 240.0
PARTITIONS: Final = 8
BATCH: Final = 4_000
ACTIVE: Final = 1_200  # leads that a batch is of: 3.3 events of each, however many others there are
BATCHES: Final = 12
_COLLECT_AFTER: Final = (100_000, 20, 20)  # as the worker does


class Row(NamedTuple):
    """A record of the changelog, as far as the store looks at it."""

    key: bytes
    value: bytes


def memory_mb() -> tuple[float, float]:
    """Resident memory of this process: now, and at most so far."""
    lines = Path("/proc/self/status").read_text().splitlines()
    told = dict(line.split(":", 1) for line in lines)
    return tuple(int(told[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))  # type: ignore[return-value]


Store = MutableMapping[bytes, bytes]


def new_stores(folder: str | None) -> list[Store]:
    """Empty stores of all partitions, on disk where a folder is named."""
    if folder is None:
        return [{} for _ in range(PARTITIONS)]
    cache = shared_cache(128 << 20)
    return [RocksTable(Path(folder, str(number)), cache) for number in range(PARTITIONS)]


def persist(stores: Iterable[Store]) -> None:
    """As after each cycle."""
    for store in stores:
        if isinstance(store, RocksTable):
            store.persist((store.end or 0) + 1)


def filled(leads: int, folder: str | None) -> tuple[list[Store], float, int]:
    """The stores of all partitions with so many leads; seconds of CPU to fill them, bytes of the states."""
    stores = new_stores(folder)
    size, spent = 0, 0.0
    rows: list[tuple[int, Row]] = []
    for key, state in states.states(leads):
        rows.append((partition_of(key, PARTITIONS), Row(key, state)))
        size += len(state)
        if len(rows) == BATCH:
            began = time.process_time()
            for partition, row in rows:
                stores[partition][row.key] = row.value
            persist(stores)
            spent += time.process_time() - began
            rows.clear()
    for partition, row in rows:
        stores[partition][row.key] = row.value
    persist(stores)
    return stores, spent, size


def store_alone(leads: int, folder: str | None) -> dict[str, Any]:
    """Memory and recovery without Kafka."""
    states.plan()
    next(states.states(1))
    before, _ = memory_mb()
    stores, spent, size = filled(leads, folder)
    held, _ = memory_mb()
    began = time.process_time()
    shards = [Shard(states.plan(), store, number, PARTITIONS) for number, store in enumerate(stores)]
    for shard in shards:
        shard.recover()
    taken_up = time.process_time() - began
    after, most = memory_mb()
    return {
        "bytes of a state": size / leads,
        "store, bytes a lead": (held - before) * 2**20 / leads,
        "timers, bytes a lead": (after - held) * 2**20 / leads,
        "process MB": after,
        "process MB at most": most,
        "store filled, states/s": leads / spent if spent else 0,
        "timers set, states/s": leads / taken_up,
    }


def cost(leads: int, folder: str | None) -> dict[str, Any]:
    """CPU of an event among so many leads, each batch of few of them, so that only their number differs."""
    stores, _, _ = filled(leads, folder)
    shards = [Shard(states.plan(), store, number, PARTITIONS) for number, store in enumerate(stores)]
    for shard in shards:
        shard.recover()
    keys = [key.decode() for store in stores for key in store if names_a_lead(key)]
    gc.collect()
    pick = random.Random(5)
    costs = []
    for number in range(BATCHES):
        active = pick.sample(keys, ACTIVE)
        moment = states.NOW + number * SECOND
        portions: list[list[Record]] = [[] for _ in shards]
        for at in range(BATCH):
            lead = pick.choice(active)
            event = states.event(lead, 20 + number * BATCH + at, moment)
            portions[partition_of(lead.encode(), PARTITIONS)].append(event)
        began = time.process_time()
        for shard, portion in zip(shards, portions, strict=True):
            shard.receive(portion)
            shard.flush()
            shard.settle()
        persist(stores)
        costs.append((time.process_time() - began) / BATCH * 1e6)
    return {"µs an event": median(costs), "least µs": min(costs)}


async def fill(bootstrap: str, leads: int) -> None:
    """Makes the topics and puts so many states into the changelog, in large batches."""
    await topics.ensure(bootstrap, PREFIX, PARTITIONS, 1)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", max_batch_size=1 << 19)
    await producer.start()
    topic = changelog_name(PREFIX)
    batches = [producer.create_batch() for _ in range(PARTITIONS)]
    for key, state in states.states(leads):
        number = partition_of(key, PARTITIONS)
        if batches[number].append(timestamp=None, key=key, value=state) is None:
            await (await producer.send_batch(batches[number], topic, partition=number))
            batches[number] = producer.create_batch()
            batches[number].append(timestamp=None, key=key, value=state)
    for number, batch in enumerate(batches):
        await (await producer.send_batch(batch, topic, partition=number))
    await producer.stop()


def recovery(bootstrap: str, leads: int, folder: str | None) -> None:
    """Runs a worker as in production until it has recovered; prints what that took, and ends the process."""
    logging.basicConfig(level=logging.WARNING)
    watch = logging.getLogger("streams.scoring")
    watch.setLevel(logging.INFO)
    began: list[float] = []
    started = time.perf_counter()
    apply = PartitionStore.apply_changelog_batch

    def timed(store: PartitionStore, *arguments: Any, **named: Any) -> None:
        if not began:
            began.extend((time.perf_counter(), time.process_time()))
        apply(store, *arguments, **named)

    PartitionStore.apply_changelog_batch = timed

    class Ended(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "scoring partitions" in record.getMessage():
                now, most = memory_mb()
                figures = {"worker MB": now, "worker MB at most": most}
                if began:
                    wall, cpu = time.perf_counter() - began[0], time.process_time() - began[1]
                    figures |= {"recovered, states/s": leads / wall, "CPU µs a state": cpu / leads * 1e6}
                figures["from start to scoring, s"] = time.perf_counter() - started
                print(msgspec.json.encode(figures).decode(), flush=True)
                os._exit(0)

    watch.addHandler(Ended())
    with tempfile.NamedTemporaryFile(suffix=".yml") as grid:
        Path(grid.name).write_text(msgspec.json.encode(states.plan().grid.source).decode())
        clock = lambda: Micros(time.time_ns() // 1_000)  # noqa: E731
        config = WorkerConfig(bootstrap, PREFIX, Path(grid.name), clock, PARTITIONS, session_timeout_s=6.0)
        run(replace(config, store=Path(folder) if folder else None))


MEASURES: Final[dict[str, Callable[[int, str | None], dict[str, Any]]]] = {"store": store_alone, "cost": cost}


def measured(name: str, leads: int, folder: str | None, kafka: str = "") -> dict[str, Any]:
    """What a process of its own measures."""
    command = [sys.executable, "-m", "tests.benchmarks.bench_state", "--measure", name, "--leads", str(leads)]
    command += ["--kafka", kafka] if kafka else []
    command += ["--folder", folder] if folder else []
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=WITHIN_S)
    found: dict[str, Any] = msgspec.json.decode(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, default=1_000_000)
    parser.add_argument("--measure", choices=[*MEASURES, "recovery"])
    parser.add_argument("--kafka", help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    parser.add_argument("--store", choices=["memory", "rocksdb"], default="memory")
    parser.add_argument("--only", choices=[*MEASURES, "recovery"])
    given = parser.parse_args()
    gc.set_threshold(*_COLLECT_AFTER)
    if given.measure == "recovery":
        recovery(given.kafka, given.leads, given.folder)
    if given.measure:
        print(msgspec.json.encode(MEASURES[given.measure](given.leads, given.folder)).decode())
        return
    title = f"{states.SLOTS} criteria touched, {states.IDS} ids, {states.TRAITS} traits a lead; {given.store}"
    table = Table(title=title)
    for name in ("leads", "figure", "value"):
        table.add_column(name, justify="left" if name == "figure" else "right")
    counts = {"store": [given.leads], "cost": [10_000, 100_000, given.leads], "recovery": [given.leads]}
    for measure in [given.only] if given.only else counts:
        for leads in counts[measure]:
            for what, figures in figures_of(measure, leads, given.store == "rocksdb"):
                for figure, value in figures.items():
                    table.add_row(f"{leads:,}", what + figure, f"{value:,.1f}")
    Console().print(table)


def figures_of(measure: str, leads: int, on_disk: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """What was measured, under what heading."""
    with tempfile.TemporaryDirectory() as made:
        folder = made if on_disk else None
        if measure != "recovery":
            yield "", measured(measure, leads, folder)
            return
        with Cluster() as kafka:
            asyncio.run(fill(kafka.bootstrap, leads))
            yield "from the start: ", measured(measure, leads, folder, kafka.bootstrap)
            if on_disk:
                yield "again: ", measured(measure, leads, folder, kafka.bootstrap)


if __name__ == "__main__":
    main()
