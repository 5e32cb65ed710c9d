"""How the cost of an event grows: in the core with leads, criteria, late events; on Kafka with workers."""

import argparse
import asyncio
import contextlib
import logging
import tempfile
import time
from collections.abc import Iterator
from typing import Any, Final

from aiokafka.errors import GroupCoordinatorNotAvailableError
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from deploy.kafka.cluster import Cluster
from scorer.grid import load_grid
from scorer.plan import Plan
from streams import topics
from streams.config import group_name
from tests.benchmarks import checking, grids, load, results, running
from tests.benchmarks.core import Core, Cost
from tests.benchmarks.engines import BY_NAME
from tests.benchmarks.job import Job

LEADS: Final = (10_000, 30_000, 100_000, 300_000, 1_000_000)
CRITERIA: Final = (10, 20, 50, 100, 200)
LATE: Final = (0.0, 0.1, 0.2, 0.35, 0.5)
VISITS: Final = (1.0, 2.0, 3.5, 7.0, 15.0)
WORKERS: Final = (1, 2)
_USUAL_LEADS: Final = 30_000
_USUAL_VISIT: Final = 3.5
_JOIN_WITHIN_S: Final = 60.0
PARTITIONS: Final = 8


def by_leads(runs: int, events: int, most: int) -> Iterator[tuple[float, list[Cost]]]:
    """All leads are known beforehand; a batch touches as many of them, however many there are."""
    for leads in (each for each in LEADS if each <= most):
        core = Core(_twenty())
        core.take(load.everybody(leads))
        yield leads, list(core.logs(runs, events, leads, visit=_USUAL_VISIT))


def by_criteria(runs: int, events: int) -> Iterator[tuple[float, list[Cost]]]:
    """Made grids, since nobody has agreed on one of 200."""
    for size in CRITERIA:
        yield size, list(Core(grids.made(size)).logs(runs, events, _USUAL_LEADS, visit=_USUAL_VISIT))


def by_late(runs: int, events: int) -> Iterator[tuple[float, list[Cost]]]:
    """The share of events that come up to ten days late."""
    for late in LATE:
        yield late, list(Core(_twenty()).logs(runs, events, _USUAL_LEADS, visit=_USUAL_VISIT, late=late))


def by_visit(runs: int, events: int) -> Iterator[tuple[float, list[Cost]]]:
    """Events by touched lead."""
    for visit in VISITS:
        yield visit, list(Core(_twenty()).logs(runs, events, _USUAL_LEADS, visit=visit))


def _twenty() -> Plan:
    return Plan(load_grid(grids.TWENTY))


def by_workers(kafka: str, runs: int, events: int) -> Iterator[tuple[float, list[running.Used]]]:
    """Whole workers on one Kafka; they have shared the partitions before the log comes."""
    log = load.make(events, _USUAL_LEADS, visit=_USUAL_VISIT)
    reference = checking.Reference(log, str(grids.TWENTY))
    for workers in WORKERS:
        yield workers, [workers_run(kafka, workers, run, log, reference) for run in range(runs)]


def workers_run(
    kafka: str, workers: int, run: int, log: load.Log, reference: checking.Reference
) -> running.Used:
    engine = BY_NAME["leadheat"]
    with tempfile.TemporaryDirectory(prefix="leadheat-bench-") as folder:
        count = len(log.events)
        job = Job(
            task="score",
            kafka=kafka,
            prefix=f"growth-{workers}-{run}",
            count=count,
            partitions=PARTITIONS,
            grid=str(grids.TWENTY),
            folder=folder,
        )
        asyncio.run(topics.ensure(kafka, job.prefix, PARTITIONS, 1))
        with running.started(engine, job, workers) as processes:
            asyncio.run(_joined(job, workers, processes))
            asyncio.run(load.fill(kafka, job.prefix, PARTITIONS, log.events))
            used = running.finish(processes, job, by_itself=False)
        asyncio.run(checking.check(engine, job, log, reference))
        asyncio.run(checking.forget(kafka, job.prefix))
    return used


async def _joined(job: Job, workers: int, processes: list[running.Process]) -> None:
    """Returns once the group is stable with all workers in it."""
    deadline = time.monotonic() + _JOIN_WITHIN_S
    async with topics.admin_of(job.kafka) as client:
        while time.monotonic() < deadline:
            for process in processes:
                process.check()
            with contextlib.suppress(GroupCoordinatorNotAvailableError):  # a fresh Kafka has none yet
                [answer] = await client.describe_consumer_groups([group_name(job.prefix)])
                _, _, state, _, _, members, *_ = answer.groups[0]
                if state == "Stable" and len(members) == workers:
                    return
            await asyncio.sleep(0.2)
    raise running.BenchmarkError(f"{workers} workers did not join within {_JOIN_WITHIN_S:.0f} s")


def main() -> None:
    """Measures, keeps the figures, prints tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="fewer events, at most 100,000 leads")
    parser.add_argument("--runs", type=int, help="of each measurement; 3, with --short 1")
    given = parser.parse_args()
    runs = given.runs or (1 if given.short else 3)
    logging.getLogger("aiokafka").setLevel(logging.ERROR)
    events, most = (8_000, 100_000) if given.short else (40_000, LEADS[-1])
    figures: dict[str, list[dict[str, Any]]] = {}
    with Progress() as progress:
        core = {
            "leads": by_leads(runs, events, most),
            "criteria": by_criteria(runs, events),
            "late": by_late(runs, events),
            "visit": by_visit(runs, events),
        }
        for name, points in core.items():
            for value, costs in progress.track(points, description=name):
                cpu_us = results.Range.of([cost.cpu_us for cost in costs])
                figures.setdefault(name, []).append({"value": value, "cpu_us": cpu_us})
        with Cluster() as cluster:
            whole = by_workers(cluster.bootstrap, runs, 10 * events)
            for value, done in progress.track(whole, description="workers"):
                cpu_us = results.Range.of([run.cpu_us for run in done])
                rate = results.Range.of([run.rate for run in done])
                figures.setdefault("workers", []).append({"value": value, "cpu_us": cpu_us, "rate": rate})
    results.save("growth", {"events": events, "figures": figures})
    Console().print(table(figures))


def table(figures: dict[str, list[dict[str, Any]]]) -> Table:
    """All dimensions, one below the other."""
    shown = Table(title="LeadHeat: CPU µs an event; median (least to most)")
    for column in ("", "value", "µs", "events/s"):
        shown.add_column(column, justify="right" if column else "left")
    for name, points in figures.items():
        for point in points:
            cpu = point["cpu_us"]
            rate = f"{point['rate'].middle:,.0f}" if "rate" in point else ""
            text = f"{cpu.middle:.1f} ({cpu.least:.1f} to {cpu.most:.1f})"
            shown.add_row(name, f"{point['value']:,g}", text, rate)
        shown.add_section()
    return shown


if __name__ == "__main__":
    main()
