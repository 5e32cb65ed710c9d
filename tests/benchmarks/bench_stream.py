"""Events a second of one worker, beside reading alone and a plain Faust agent, on one broker."""

import argparse
import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.table import Table

from deploy.kafka import jars
from deploy.kafka.cluster import Cluster
from streams import topics
from tests.benchmarks import load
from tests.kafka_fixtures import embedded_broker

ROOT: Final = Path(__file__).parents[2]
GRID: Final = ROOT / "deploy" / "grids" / "b2b-fr.yml"
PLAIN_EVENTS: Final = 10_000  # of the slow one: it would take minutes for as many as the others
WITHIN_S: Final = 300.0


@contextlib.contextmanager
def broker(embedded: bool) -> Iterator[tuple[str, str]]:
    """What the broker is, and its address."""
    if embedded or jars.missing_tools():
        with embedded_broker() as running:
            yield "embedded broker", running.bootstrap
    else:
        with Cluster() as cluster:
            yield "Apache Kafka, one node", cluster.bootstrap


async def prepare(bootstrap: str, prefix: str, partitions: int, count: int, leads: int) -> int:
    """Topics filled with the events; how many leads they touch."""
    await topics.ensure(bootstrap, prefix, partitions, 1)
    return await load.fill(bootstrap, prefix, partitions, count, leads)


def measure(program: str, bootstrap: str, prefix: str, count: int, partitions: int) -> dict[str, Any]:
    """Runs one program to its end; what it measured of itself."""
    command = [sys.executable, "-m", "tests.benchmarks.stream_processes", program, bootstrap, prefix]
    done = subprocess.run(
        [*command, str(count), str(partitions), str(GRID)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        timeout=WITHIN_S,
        check=True,
    )
    result: dict[str, Any] = msgspec.json.decode(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    """Fills a broker, measures all, prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--leads", type=int, default=50_000)
    parser.add_argument("--partitions", type=int, default=8)
    parser.add_argument(
        "--embedded", action="store_true", help="the embedded broker, even where Kafka could run"
    )
    given = parser.parse_args()
    with broker(given.embedded) as (what, bootstrap):
        prefix = "bench"
        touched = asyncio.run(prepare(bootstrap, prefix, given.partitions, given.events, given.leads))
        asyncio.run(prepare(bootstrap, "delivery", given.partitions, given.events, given.leads))
        plain = "plain"
        asyncio.run(prepare(bootstrap, plain, given.partitions, PLAIN_EVENTS, given.leads))
        results = [
            measure("parse", bootstrap, prefix, given.events, given.partitions),
            measure("delivery", bootstrap, "delivery", given.events, given.partitions),
            measure("worker", bootstrap, prefix, given.events, given.partitions),
            measure("plain", bootstrap, plain, PLAIN_EVENTS, given.partitions),
        ]
    size = f"{given.events:,} events of {touched:,} leads, {given.partitions} partitions"
    Console().print(table(f"{size}, {what}, {os.cpu_count()} cores", results))


def table(title: str, results: list[dict[str, Any]]) -> Table:
    """The results, each against the worker's."""
    shown = Table(title=title)
    for column in ("", "events/s", "CPU µs an event", "against the worker"):
        shown.add_column(column, justify="right" if column else "left")
    rates = [one["events"] / one["wall_s"] for one in results]
    worker = next(rate for rate, one in zip(rates, results, strict=True) if one["name"] == "LeadHeat worker")
    for rate, one in zip(rates, results, strict=True):
        cost = one["cpu_s"] / one["events"] * 1e6
        shown.add_row(one["name"], f"{rate:,.0f}", f"{cost:.1f}", f"{rate / worker:.2f}")
    return shown


if __name__ == "__main__":
    main()
