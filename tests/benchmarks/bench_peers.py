"""Compares engines on the same log, on one real Kafka: CPU an event and events a second, of what is durable.

Two tasks: the engine alone (a counter a lead), and the whole product (twenty criteria, scores and alerts).
Every run has a fresh copy of the log, and counts only if all scores, states and offsets are right.
"""

import argparse
import asyncio
import logging
import random
import tempfile
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from deploy.kafka.cluster import Cluster
from streams import topics
from tests.benchmarks import checking, grids, load, results, running
from tests.benchmarks.engines import BY_NAME, ENGINES, Engine
from tests.benchmarks.job import Job, Task
from tests.benchmarks.load import Log

PARTITIONS: Final = 8
WARM: Final = 0.25
"""The part of a log that warms up. It is read by a run of its own, and what that used is taken off: an engine
fetches ahead, so that a mark in the middle of one run would leave out work for events that are counted."""
TASKS: Final[tuple[Task, ...]] = ("count", "score")
_LEADS: Final = 50_000


class Measured(msgspec.Struct, frozen=True):
    """A run to warm up and a whole one: what counts is the difference."""

    warm: running.Used
    whole: running.Used

    @property
    def events(self) -> int:
        """How many count."""
        return self.whole.events - self.warm.events

    @property
    def cpu_us(self) -> float:
        """CPU microseconds an event."""
        return (self.whole.cpu_s - self.warm.cpu_s) / self.events * 1e6

    @property
    def rate(self) -> float:
        """Events a second of wall time."""
        return self.events / (self.whole.wall_s - self.warm.wall_s)


class Bench:
    """Runs jobs on one Kafka, each on topics of its own."""

    def __init__(self, kafka: str, log: Log, partitions: int = PARTITIONS) -> None:
        self._kafka = kafka
        self._log = log
        self._partitions = partitions
        self._references: dict[int, checking.Reference] = {}
        self._jobs = 0

    def run(self, engine: Engine, task: Task) -> Measured:
        """Both runs of a measurement; raises BenchmarkError where the engine's work is not right."""
        whole = int(len(self._log.events) * engine.share[task])
        return Measured(*(self._one(engine, task, count) for count in (int(whole * WARM), whole)))

    def _one(self, engine: Engine, task: Task, count: int) -> running.Used:
        log = self._log.first(count)
        self._jobs += 1
        with tempfile.TemporaryDirectory(prefix="leadheat-bench-") as folder:
            job = Job(
                task=task,
                kafka=self._kafka,
                prefix=f"bench-{self._jobs}-{engine.name}",
                count=count,
                partitions=self._partitions,
                grid=str(grids.TWENTY),
                folder=folder,
            )
            asyncio.run(self._prepare(job, log))
            with running.started(engine, job) as processes:
                used = running.finish(processes, job, engine.ends)
            asyncio.run(checking.check(engine, job, log, self._reference(task, log)))
            asyncio.run(checking.forget(self._kafka, job.prefix))
        return used

    async def _prepare(self, job: Job, log: Log) -> None:
        await topics.ensure(job.kafka, job.prefix, job.partitions, 1)
        await load.fill(job.kafka, job.prefix, job.partitions, log.events)

    def _reference(self, task: Task, log: Log) -> checking.Reference | None:
        if task == "count":
            return None
        size = len(log.events)
        if size not in self._references:
            self._references[size] = checking.Reference(log, str(grids.TWENTY))
        return self._references[size]


def plan(engines: Iterable[Engine], runs: int) -> list[tuple[Engine, Task]]:
    """All measurements, shuffled, so that what the machine does meanwhile favours nobody."""
    todo = [(engine, task) for engine in engines for task in engine.share for _ in range(runs)]
    random.Random(20).shuffle(todo)
    return todo


def main() -> None:
    """Measures, keeps the figures, prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="a fifth of the events")
    parser.add_argument("--runs", type=int, help="of each measurement; 3, with --short 1")
    parser.add_argument("--engines", nargs="*", choices=list(BY_NAME), default=list(BY_NAME))
    parser.add_argument("--tasks", nargs="*", choices=TASKS, default=TASKS)
    given = parser.parse_args()
    runs = given.runs or (1 if given.short else 3)
    logging.getLogger("aiokafka").setLevel(logging.ERROR)  # new topics have no leader at first
    console = Console()
    chosen = [BY_NAME[name] for name in given.engines]
    for engine in chosen:
        if engine.missing:
            console.print(
                f"{engine.label} is left out: {', '.join(engine.missing)} missing (make bench-peers)"
            )
    events = 200_000 if given.short else 1_000_000
    todo = plan([engine for engine in chosen if not engine.missing], runs)
    todo = [(engine, task) for engine, task in todo if task in given.tasks]
    log = load.make(events, _LEADS)
    measured: dict[tuple[Task, str], list[Measured]] = {}
    columns = (TextColumn("{task.description:40}"), BarColumn(), TimeElapsedColumn())
    with Cluster() as cluster, Progress(*columns, console=console) as progress:
        bench, shown = Bench(cluster.bootstrap, log), progress.add_task("", total=len(todo))
        for engine, task in todo:
            progress.update(shown, description=f"{engine.label}: {task}")
            measured.setdefault((task, engine.name), []).append(bench.run(engine, task))
            progress.advance(shown)
    figures = summary(measured, events)
    results.save("peers", figures)
    for task in TASKS:
        console.print(table(task, figures))


def summary(measured: dict[tuple[Task, str], list[Measured]], events: int) -> dict[str, Any]:
    """What is kept: ranges over the runs of each engine and task, and the runs themselves."""
    rows = []
    for engine in ENGINES:
        for task in TASKS:
            runs = measured.get((task, engine.name))
            if not runs:
                continue
            rows.append(
                {
                    "task": task,
                    "engine": engine.name,
                    "events": runs[0].whole.events,
                    "cpu_us": results.Range.of([run.cpu_us for run in runs]),
                    "whole_cpu_us": results.Range.of([run.whole.whole_cpu_us for run in runs]),
                    "rate": results.Range.of([run.rate for run in runs]),
                    "peak_mb": max(run.whole.peak_mb for run in runs),
                    "runs": runs,
                }
            )
    return {"events": events, "leads": _LEADS, "partitions": PARTITIONS, "warm": WARM, "rows": rows}


def table(task: Task, figures: dict[str, Any]) -> Table:
    """One task's figures."""
    what = "engine alone: a counter a lead" if task == "count" else "the whole product: twenty criteria"
    shown = Table(title=f"{what}; median (least to most)")
    for column in ("engine", "events", "CPU µs an event", "with start and warm-up", "events/s", "peak MB"):
        shown.add_column(column, justify="left" if column == "engine" else "right")
    for row in figures["rows"]:
        if row["task"] == task:
            cpu, whole, rate = (row[name] for name in ("cpu_us", "whole_cpu_us", "rate"))
            shown.add_row(
                BY_NAME[row["engine"]].label,
                f"{row['events']:,}",
                f"{cpu.middle:.1f} ({cpu.least:.1f} to {cpu.most:.1f})",
                f"{whole.middle:.1f}",
                f"{rate.middle:,.0f} ({rate.least:,.0f} to {rate.most:,.0f})",
                f"{row['peak_mb']:,.0f}",
            )
    return shown


if __name__ == "__main__":
    main()
