"""A rolling restart of three workers under load, on real Kafka: how long any partition stood still.

Each worker in turn is stopped in order and started again as soon as it has ended. A partition stands
still from one score of its leads to the next, while events come all the time.
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path
from typing import Final

from aiokafka import AIOKafkaProducer
from rich.console import Console
from rich.table import Table

from deploy.kafka.cluster import Cluster
from scorer.topics import PAGE_VIEWS, SCORES, full_name
from tests.streaming import Rig, TopicReader, WorkerProcess, producer_to

PARTITIONS: Final = 6
WORKERS: Final = 3
CALM_S: Final = 8.0  # before, between and after restarts
MODES: Final = {
    "lasting names": (True, 1),
    "lasting names, no copies": (True, 0),
    "copies": (False, 1),
    "neither": (False, 0),
}


async def fill(producer: AIOKafkaProducer, rig: Rig, leads: int) -> None:
    """A page view of each of so many leads."""
    topic = full_name(rig.prefix, PAGE_VIEWS)
    for number in range(leads):
        lead = b"lead-%d" % number
        await producer.send(topic, b'{"type":"page_view","lead_id":"%s"}' % lead, key=lead)
    await producer.flush()


async def load(producer: AIOKafkaProducer, rig: Rig, rate: int) -> None:
    """So many page views a second, on all partitions, until cancelled."""
    topic, number = full_name(rig.prefix, PAGE_VIEWS), 0
    while True:
        for _ in range(rate // 50):
            number += 1
            lead = b"busy-%d" % (number % 600)
            await producer.send(topic, b'{"type":"page_view","lead_id":"%s"}' % lead, key=lead)
        await asyncio.sleep(0.02)


class Standstill:
    """The longest time between two scores of a partition, from when it is told to look."""

    def __init__(self) -> None:
        self.longest = 0.0
        self.partition = -1
        self._last: dict[int, float] = {}

    async def watch(self, scores: TopicReader) -> None:
        """Follows the scores until cancelled."""
        while True:
            await scores.read()
            now = time.monotonic()
            for partition in {record.partition for record in scores.records}:
                self._saw(partition, now)
            scores.records.clear()

    def _saw(self, partition: int, now: float) -> None:
        gap = now - self._last.get(partition, now)
        if gap > self.longest:
            self.longest, self.partition = gap, partition
        self._last[partition] = now

    def begin(self) -> None:
        """Forgets what was."""
        self.longest = 0.0


def start(worker: WorkerProcess) -> None:
    """Starts a worker and waits until it scores."""
    before = worker.said("scoring partitions [")
    worker.start()
    worker.wait_for("scoring partitions [", before + 1, within_s=120)


async def roll(kafka: str, folder: Path, named: bool, standbys: int, leads: int, rate: int) -> float:
    """The longest standstill of a rolling restart."""
    rig = Rig(kafka, session_s=10.0, folder=folder, partitions=PARTITIONS)
    await rig.make_topics()
    workers = [
        rig.worker(
            "--score", "--standbys", str(standbys), *(("--instance", f"worker-{number}") if named else ())
        )
        for number in range(WORKERS)
    ]
    stood = Standstill()
    try:
        async with producer_to(kafka) as producer, rig.read(SCORES) as scores:
            await fill(producer, rig, leads)
            for worker in workers:
                worker.start()
            await scores.read_until(lambda read: len(read.records) >= leads, within_s=180)
            tasks = [asyncio.create_task(load(producer, rig, rate)), asyncio.create_task(stood.watch(scores))]
            await asyncio.sleep(CALM_S)
            stood.begin()
            for worker in workers:
                await asyncio.to_thread(worker.stop, 60)
                await asyncio.to_thread(start, worker)
                await asyncio.sleep(CALM_S)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        for worker in workers:
            worker.end()
    return stood.longest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, default=30_000)
    parser.add_argument("--rate", type=int, default=600)
    parser.add_argument("--modes", nargs="*", default=list(MODES), choices=MODES)
    given = parser.parse_args()
    table = Table("membership", "longest standstill, s")
    with Cluster() as cluster, tempfile.TemporaryDirectory() as folder:
        for mode in given.modes:
            named, standbys = MODES[mode]
            longest = asyncio.run(
                roll(cluster.bootstrap, Path(folder), named, standbys, given.leads, given.rate)
            )
            table.add_row(mode, f"{longest:.1f}")
    Console().print(f"{WORKERS} workers, {given.leads} leads, {given.rate} events/s")
    Console().print(table)


if __name__ == "__main__":
    main()
