"""From an HTTP request to the alert in Kafka: milliseconds through gateway and worker, at several rates."""

import argparse
import asyncio
import contextlib
import logging
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from deploy.kafka.cluster import Cluster
from deploy.ports import free_ports
from scorer.topics import ALERTS, full_name
from streams import topics
from tests.benchmarks import results
from tests.benchmarks.http_load import OpenLoop
from tests.benchmarks.roles import running, until_ready

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
SHAPES: Final = tuple((rate, size) for size in (1, 100) for rate in (100, 1_000, 10_000))
"""Events a second, and events a request."""
PARTITIONS: Final = 8
_PREFIX: Final = "latency"
_KEY: Final = "wk_benchmark"
_ALERTING: Final = 10
"""One lead in this many turns hot at once; the others look at a page."""
_WITHIN_S: Final = 60.0
_SHOWN: Final = ("put off", "alerts", "p50", "p90", "p99", "most")
_KEPT: Final = 200
"""Points of a distribution that are kept for the plot."""


class Alerts:
    """Follows the alerts and notes when each lead's came."""

    def __init__(self, bootstrap: str) -> None:
        self._consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, fetch_max_wait_ms=5)
        self._partitions = [
            TopicPartition(full_name(_PREFIX, ALERTS), number) for number in range(PARTITIONS)
        ]
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

    def __init__(self, client: OpenLoop, alerts: Alerts) -> None:
        self._client = client
        self._alerts = alerts
        self._leads = 0

    async def at_rate(self, rate: int, size: int, seconds: float) -> dict[str, Any]:
        """Sends `rate` events a second in requests of `size`; each alert's milliseconds since it was due."""
        requests = max(1, int(rate * seconds / size))
        made = [self._body(size) for _ in range(requests)]
        await self._client.connect(min(500, max(16, rate // size // 10)))
        began, refusals = time.perf_counter(), self._client.refusals
        due = await self._client.send([body for body, _ in made], size / rate)
        taken = requests * size / max(time.perf_counter() - began, requests * size / rate)
        asked = {lead: at for at, (_, leads) in zip(due, made, strict=True) for lead in leads}
        async with asyncio.timeout(_WITHIN_S):
            while asked.keys() - self._alerts.came.keys():
                await asyncio.sleep(0.02)
        times = sorted((self._alerts.came[lead] - at) * 1_000 for lead, at in asked.items())
        kept = [times[len(times) * place // _KEPT] for place in range(_KEPT)] + [times[-1]]
        shares = {
            f"p{share}": times[min(len(times) * share // 100, len(times) - 1)] for share in (50, 90, 99)
        }
        return {"rate": rate, "size": size, "taken": taken, "alerts": len(times), **shares} | {
            "most": times[-1],
            "put off": self._client.refusals - refusals,
            "spread": kept,
        }

    def _body(self, size: int) -> tuple[bytes, list[str]]:
        """A request of events, and its leads that will turn hot."""
        events, hot = [], []
        for _ in range(size):
            self._leads += 1
            lead = f"u-{self._leads}"
            kind = "page_view" if self._leads % _ALERTING else "demo_requested"
            if kind == "demo_requested":
                hot.append(lead)
            events.append({"type": kind, "lead_id": lead, "properties": {"url": "https://acme.example/"}})
        return msgspec.json.encode(events), hot


@contextlib.contextmanager
def _roles(bootstrap: str, folder: Path) -> Iterator[int]:
    """A gateway and a worker; the gateway's port."""
    (port,) = free_ports(1)
    grid = folder / "grid.yml"
    grid.write_text(GRID, encoding="utf-8")
    settings = {
        "LEADHEAT_KAFKA": bootstrap,
        "LEADHEAT_TOPIC_PREFIX": _PREFIX,
        "LEADHEAT_PARTITIONS": str(PARTITIONS),
        "LEADHEAT_GRID": str(grid),
        "LEADHEAT_WRITE_KEYS": _KEY,
        "LEADHEAT_SESSION_TIMEOUT_S": "6",
    }
    with running(folder, settings, ["gateway", "--port", str(port)], ["worker"]):
        yield port


async def measure(
    bootstrap: str, shapes: list[tuple[int, int]], seconds: float, progress: Progress
) -> list[dict[str, Any]]:
    """Starts gateway and worker, then measures each rate and size of requests."""
    await topics.ensure(bootstrap, _PREFIX, PARTITIONS, 1)
    alerts = Alerts(bootstrap)
    following = asyncio.create_task(alerts.run())
    headers = {"Authorization": f"Bearer {_KEY}", "Content-Type": "application/json"}
    try:
        with tempfile.TemporaryDirectory() as name, _roles(bootstrap, Path(name)) as port:
            await until_ready(port)
            client = OpenLoop("127.0.0.1", port, "/v1/events", headers)
            with contextlib.closing(client):
                load = Load(client, alerts)
                await load.at_rate(20, 10, seconds=2)  # until a first alert has come all is not ready
                return [
                    await load.at_rate(rate, size, seconds)
                    for rate, size in progress.track(shapes, description="latency")
                ]
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


def main() -> None:
    """Measures, keeps the figures, prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="5 s of each, not 20")
    given = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.ERROR)
    seconds = 5.0 if given.short else 20.0
    with Cluster() as cluster, Progress() as progress:
        rows = asyncio.run(measure(cluster.bootstrap, list(SHAPES), seconds, progress))
    results.save("latency", {"seconds": seconds, "partitions": PARTITIONS, "rows": rows})
    Console().print(table(rows))


def table(rows: list[dict[str, Any]]) -> Table:
    """Percentiles of each rate and size."""
    shown = Table(title="HTTP request due to alert in Kafka, ms")
    for column in ("events/s", "events a request", "taken", *_SHOWN):
        shown.add_column(column, justify="right")
    for row in rows:
        figures = [f"{row[name]:,.0f}" for name in ("taken", *_SHOWN)]
        shown.add_row(f"{row['rate']:,}", str(row["size"]), *figures)
    return shown


if __name__ == "__main__":
    main()
