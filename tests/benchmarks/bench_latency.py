"""From an event in Kafka to its lead's score in Kafka: milliseconds through one worker, at several rates."""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition
from rich.console import Console
from rich.table import Table

from scorer.topics import PAGE_VIEWS, SCORES, full_name
from streams import topics
from tests.benchmarks.bench_stream import GRID, ROOT, broker

PREFIX: Final = "latency"
WARM_UP: Final = 20


class Scores:
    """Follows the scores and notes when each lead's first one came."""

    def __init__(self, bootstrap: str, partitions: int) -> None:
        self._consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, fetch_max_wait_ms=5)
        self._partitions = [TopicPartition(full_name(PREFIX, SCORES), number) for number in range(partitions)]
        self.came: dict[bytes, float] = {}

    async def run(self) -> None:
        """Reads until cancelled."""
        await self._consumer.start()
        self._consumer.assign(self._partitions)
        try:
            while True:
                for fetched in (await self._consumer.getmany(timeout_ms=50)).values():
                    for record in fetched:
                        self.came.setdefault(record.key, time.perf_counter())
        finally:
            await self._consumer.stop()


async def at_rate(
    producer: AIOKafkaProducer, scores: Scores, rate: int, count: int, within_s: float
) -> list[float]:
    """Sends events of as many leads, evenly; what each took, in milliseconds, sorted."""
    sent: dict[bytes, float] = {}
    began = time.perf_counter()
    for number in range(count):
        await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
        lead = f"u-{rate}-{number}"
        event = {"type": "page_view", "lead_id": lead, "properties": {"url": "https://acme.example/tarifs"}}
        sent[lead.encode()] = time.perf_counter()
        await producer.send(full_name(PREFIX, PAGE_VIEWS), json.dumps(event).encode(), key=lead.encode())
    deadline = time.perf_counter() + within_s
    while sent.keys() - scores.came.keys():
        if time.perf_counter() > deadline:
            raise TimeoutError(f"{len(sent.keys() - scores.came.keys())} scores did not come")
        await asyncio.sleep(0.05)
    return sorted((scores.came[lead] - at) * 1_000 for lead, at in sent.items())


async def measure(
    bootstrap: str, partitions: int, rates: list[int], seconds: float
) -> list[tuple[int, list[float]]]:
    """Starts a worker, waits until it scores, then measures rate by rate."""
    await topics.ensure(bootstrap, PREFIX, partitions, 1)
    command = [sys.executable, "-m", "tests.integration.worker_process", bootstrap, PREFIX, str(partitions)]
    with tempfile.TemporaryFile() as log:
        worker = subprocess.Popen([*command, str(GRID), "6", "--score"], cwd=ROOT, stdout=log, stderr=log)
        scores = Scores(bootstrap, partitions)
        following = asyncio.create_task(scores.run())
        producer: Any = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=5)
        await producer.start()
        try:
            await at_rate(producer, scores, 10, WARM_UP, within_s=60)
            return [
                (rate, await at_rate(producer, scores, rate, int(rate * seconds), within_s=60))
                for rate in rates
            ]
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            await producer.stop()
            worker.terminate()
            worker.wait(20)


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rates", type=int, nargs="+", default=[50, 100, 500, 1_000])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--partitions", type=int, default=2)
    parser.add_argument(
        "--embedded", action="store_true", help="the embedded broker, even where Kafka could run"
    )
    given = parser.parse_args()
    with broker(given.embedded) as (what, bootstrap):
        measured = asyncio.run(measure(bootstrap, given.partitions, given.rates, given.seconds))
    machine = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    table = Table(title=f"event to score, ms: {given.partitions} partitions, {what}, {machine}")
    for column in ("events/s", "p50", "p99", "max"):
        table.add_column(column, justify="right")
    for rate, times in measured:
        table.add_row(
            str(rate),
            f"{times[len(times) // 2]:.0f}",
            f"{times[len(times) * 99 // 100]:.0f}",
            f"{times[-1]:.0f}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
