"""LeadHeat's worker as it runs in production; for `count` the engine alone, with a shard that only counts."""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from scorer.messages import Record
from scorer.shard import Shard
from scorer.times import Micros
from streams import metrics
from streams.config import WorkerConfig
from streams.worker import run
from tests.benchmarks.counting import CountingShard
from tests.benchmarks.job import Job, given, mark

_LOOK_EVERY_S = 0.05


def main(job: Job) -> int:
    """Runs until all is scored, or until told to stop."""
    logging.basicConfig(level=logging.WARNING)
    threading.Thread(target=_watch, args=(job,), daemon=True).start()
    config = WorkerConfig(
        kafka=job.kafka,
        topic_prefix=job.prefix,
        grid=Path(job.grid),
        clock=lambda: Micros(time.time_ns() // 1_000),
        partitions=job.partitions,
        session_timeout_s=6.0,
    )
    return run(config, _ScoringShard if job.task == "score" else _CountingShard)


_begun = threading.Event()


class _ScoringShard(Shard):
    def receive(self, records: Iterable[Record]) -> None:
        _begin()
        super().receive(records)


class _CountingShard(CountingShard):
    def receive(self, records: Iterable[Record]) -> None:
        _begin()
        super().receive(records)


def _begin() -> None:
    """Marks that the first events have come."""
    if not _begun.is_set():
        _begun.set()
        mark(0)


def _watch(job: Job) -> None:
    """The worker's own metric counts what is written and acknowledged; in order to end is to commit."""
    told = 0
    while told < job.count:
        time.sleep(_LOOK_EVERY_S)
        if (scored := _scored()) > told:
            told = scored
            mark(scored)
    os.kill(os.getpid(), signal.SIGTERM)


def _scored() -> int:
    [family] = metrics.EVENTS.collect()
    return int(
        sum(
            sample.value
            for sample in family.samples
            if sample.name.endswith("_total") and sample.labels["topic"] != "handover"
        )
    )


if __name__ == "__main__":
    sys.exit(main(given()))
