"""What an event costs the scoring core without any Kafka: CPU of a shard that takes batch after batch."""

import gc
import time
from collections.abc import Iterator
from typing import Final, NamedTuple

from scorer.plan import Plan
from scorer.shard import Shard
from tests.benchmarks import load
from tests.benchmarks.load import Log

BATCH: Final = 4_000
_COLLECT_AFTER: Final = (100_000, 20, 20)  # as the worker does


class Cost(NamedTuple):
    """Of a log."""

    cpu_us: float
    """CPU microseconds an event."""
    touched: float
    """Events by touched lead: a lead is decoded, explained and written once a batch."""


class Core:
    """A shard that is fed logs, one after the other."""

    def __init__(self, plan: Plan) -> None:
        gc.set_threshold(*_COLLECT_AFTER)
        self._shard = Shard(plan, {}, 0, 1)
        self._taken: dict[str, int] = {}

    def logs(self, runs: int, count: int, leads: int, **shape: float) -> Iterator[Cost]:
        """Takes a log to warm up, then so many more of the same shape, each after the one before."""
        for run in range(runs + 1):
            log = load.make(count, leads, **shape, seed=run, before=(runs - run) * count)
            cost = self.take(log)
            if run:
                yield cost

    def take(self, log: Log) -> Cost:
        """Scores a log and writes what it touched, batch by batch."""
        records = log.records(self._taken)
        written, used = 0, 0.0
        for start in range(0, len(records), BATCH):
            batch = records[start : start + BATCH]
            began = time.process_time()
            self._shard.advance(batch[0].timestamp)
            self._shard.receive(batch)
            changes = self._shard.flush()
            self._shard.settle()
            used += time.process_time() - began
            written += len(changes.scores)
        return Cost(used / len(records) * 1e6, len(records) / written)
