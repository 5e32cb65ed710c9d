"""F3: one event that takes long, ten thousand behind it, kills after the next commit: it is not skipped."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from deploy.kafka.cluster import Cluster
from tests.faults.bench import Bench
from tests.faults.population import mark
from tests.faults.sizes import size
from tests.faults.slow_shard import SLOW
from tests.integration.processes import until_async

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

_BEHIND: Final = 10_000
_COMPUTES_S: Final = 3.0
_KILLS: Final = 3


async def test_f3_slow_event(fault_kafka: Cluster, tmp_path: Path) -> None:
    small = replace(size(), seconds=10.0, rate=1_500)
    options = ("--slow-s", str(_COMPUTES_S))
    async with Bench("F3 slow event", fault_kafka, tmp_path, size_of=small, options=options) as bench:
        at = mark(bench.population, 0, SLOW)
        assert len(bench.population.planned) - at > _BEHIND
        bench.crew.scale(2)

        def said(text: str) -> Callable[[], int]:
            return lambda: sum(worker.said(text) for worker in bench.crew.workers)

        begun, done = said("begins to compute"), said("has computed")
        async with bench.sending():
            for kill in range(_KILLS):
                await until_async(lambda least=kill: begun() > least, within_s=90)
                await bench.next_commit(within_s=1.0)  # of the other worker's partitions
                if done() == 0:
                    for worker in bench.crew.running:
                        if worker.said("begins to compute"):
                            bench.crew.kill(worker)
        await bench.verdict()
        assert begun() > 1
        assert done() >= 1
