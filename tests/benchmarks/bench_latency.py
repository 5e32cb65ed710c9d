"""From an HTTP request to the alert in Kafka: milliseconds through gateway and worker, at several rates."""

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition
from rich.console import Console
from rich.table import Table

from deploy import leash
from deploy.ports import free_ports
from scorer.topics import ALERTS, full_name
from streams import topics
from tests.benchmarks.bench_stream import ROOT, broker

GRID: Final = """
grid: latency
version: 1
scores: {engagement: {min: 0, max: 100}}
half_life: 7d
criteria:
  - {id: view, score: engagement, points: 5, event: page_view}
  - {id: demo, score: engagement, points: 80, event: demo_requested}
tiers: [{id: cold}, {id: hot, from: 70}]
plays: [{id: call, when: {enters: hot}, do: [{alert: sales}]}]
"""
PREFIX: Final = "latency"
KEY: Final = "wk_benchmark"
ALERTING: Final = 10
"""One lead in this many turns hot at once; the others look at a page."""
WITHIN_S: Final = 60.0


class Alerts:
    """Follows the alerts and notes when each lead's came."""

    def __init__(self, bootstrap: str, partitions: int) -> None:
        self._consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, fetch_max_wait_ms=5)
        self._partitions = [TopicPartition(full_name(PREFIX, ALERTS), number) for number in range(partitions)]
        self.came: dict[str, float] = {}

    async def run(self) -> None:
        """Reads until cancelled."""
        await self._consumer.start()
        self._consumer.assign(self._partitions)
        try:
            while True:
                for fetched in (await self._consumer.getmany(timeout_ms=50)).values():
                    for record in fetched:
                        self.came.setdefault(record.key.decode(), time.perf_counter())
        finally:
            await self._consumer.stop()


class Load:
    """Sends events over HTTP, each of a lead of its own."""

    def __init__(self, url: str, session: aiohttp.ClientSession, alerts: Alerts) -> None:
        self._url = url
        self._session = session
        self._alerts = alerts
        self._leads = 0

    async def at_rate(self, rate: int, size: int, seconds: float) -> list[float]:
        """Sends `rate` events a second in requests of `size`; each alert's milliseconds, sorted."""
        asked: dict[str, float] = {}
        requests: set[asyncio.Task[None]] = set()
        began = time.perf_counter()
        for number in range(max(1, int(rate * seconds / size))):
            await asyncio.sleep(max(0.0, began + number * size / rate - time.perf_counter()))
            request = asyncio.create_task(self._post(size, asked))
            requests.add(request)
            request.add_done_callback(requests.discard)
        await asyncio.gather(*requests)
        async with asyncio.timeout(WITHIN_S):
            while asked.keys() - self._alerts.came.keys():
                await asyncio.sleep(0.02)
        return sorted((self._alerts.came[lead] - at) * 1_000 for lead, at in asked.items())

    async def _post(self, size: int, asked: dict[str, float]) -> None:
        events = []
        for _ in range(size):
            self._leads += 1
            alerts = self._leads % ALERTING == 0
            lead = f"u-{self._leads}"
            kind = "demo_requested" if alerts else "page_view"
            events.append({"type": kind, "lead_id": lead, "properties": {"url": "https://acme.example/"}})
            if alerts:
                asked[lead] = time.perf_counter()
        async with self._session.post(self._url, data=json.dumps(events)) as answer:
            if answer.status != 200:
                raise RuntimeError(f"the gateway answered {answer.status}: {await answer.text()}")


@contextlib.contextmanager
def roles(bootstrap: str, partitions: int, folder: Path) -> Iterator[str]:
    """A gateway and a worker, each a process of its own; the gateway's address."""
    (port,) = free_ports(1)
    grid = folder / "grid.yml"
    grid.write_text(GRID, encoding="utf-8")
    settings = {
        "LEADHEAT_KAFKA": bootstrap,
        "LEADHEAT_TOPIC_PREFIX": PREFIX,
        "LEADHEAT_PARTITIONS": str(partitions),
        "LEADHEAT_GRID": str(grid),
        "LEADHEAT_WRITE_KEYS": KEY,
        "LEADHEAT_SESSION_TIMEOUT_S": "6",
    }
    with contextlib.ExitStack() as ends:
        for arguments in (["gateway", "--port", str(port)], ["worker"]):
            log = ends.enter_context((folder / f"{arguments[0]}.log").open("wb"))
            process = subprocess.Popen(
                leash.command([sys.executable, "-m", "deploy.cli", *arguments]),
                cwd=ROOT,
                env=os.environ | settings,
                stdout=log,
                stderr=log,
            )
            ends.callback(process.wait, 20)
            ends.callback(process.terminate)
        yield f"http://127.0.0.1:{port}"


@contextlib.asynccontextmanager
async def load(url: str, bootstrap: str, partitions: int) -> AsyncIterator[Load]:
    """A load that is ready: the gateway answers, and a first alert has come."""
    alerts = Alerts(bootstrap, partitions)
    following = asyncio.create_task(alerts.run())
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    connector = aiohttp.TCPConnector(limit=64)
    try:
        async with aiohttp.ClientSession(headers=headers, connector=connector) as session:
            async with asyncio.timeout(WITHIN_S):
                while not await _ready(session, url):
                    await asyncio.sleep(0.1)
            ready = Load(f"{url}/v1/events", session, alerts)
            await ready.at_rate(20, 10, seconds=2)
            yield ready
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def _ready(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(f"{url}/readyz") as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


async def measure(
    bootstrap: str, partitions: int, shapes: list[tuple[int, int]], seconds: float
) -> list[tuple[int, int, list[float]]]:
    """Starts gateway and worker, then measures each rate and size of requests."""
    await topics.ensure(bootstrap, PREFIX, partitions, 1)
    with tempfile.TemporaryDirectory() as folder, roles(bootstrap, partitions, Path(folder)) as url:
        async with load(url, bootstrap, partitions) as ready:
            return [(rate, size, await ready.at_rate(rate, size, seconds)) for rate, size in shapes]


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--partitions", type=int, default=2)
    parser.add_argument(
        "--embedded", action="store_true", help="the embedded broker, even where Kafka could run"
    )
    given = parser.parse_args()
    shapes = [(100, 1), (1_000, 1), (1_000, 10)]
    with broker(given.embedded) as (what, bootstrap):
        measured = asyncio.run(measure(bootstrap, given.partitions, shapes, given.seconds))
    title = f"HTTP request to alert, ms: {given.partitions} partitions, {what}, {os.cpu_count()} cores"
    Console().print(table(title, measured))


def table(title: str, measured: list[tuple[int, int, list[float]]]) -> Table:
    """Percentiles of each rate and size."""
    shown = Table(title=title)
    for column in ("events/s", "events a request", "alerts", "p50", "p99", "max"):
        shown.add_column(column, justify="right")
    for rate, size, times in measured:
        figures: list[Any] = [times[len(times) // 2], times[len(times) * 99 // 100], times[-1]]
        shown.add_row(f"{rate:,}", str(size), f"{len(times):,}", *(f"{each:.0f}" for each in figures))
    return shown


if __name__ == "__main__":
    main()
