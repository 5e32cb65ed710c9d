"""F1: workers killed again and again while there are one, four, two, six of them lose and double nothing."""

import asyncio
from pathlib import Path
from typing import Final

import pytest

from deploy.kafka.cluster import Cluster
from tests.faults.bench import Bench

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


_TAKES_UP_WITHIN_S: Final = 6.0
_INTO_IT_S: Final = 0.6


async def test_f1_kill_loop(fault_kafka: Cluster, tmp_path: Path) -> None:
    async with Bench("F1 kill loop", fault_kafka, tmp_path) as bench:
        crew = bench.crew
        crew.scale(1)
        await bench.ready()
        async with bench.sending():
            async for turn in bench.harm(every=(0.5, 2.5)):
                if turn % 2 == 0:
                    crew.scale((4, 2, 6, 1)[turn // 2 % 4])
                    worker = bench.pick.choice(crew.running) if crew.running else None
                else:  # while it catches up: most of a batch is in the states and not committed
                    worker = await crew.taking_up(_TAKES_UP_WITHIN_S)
                    await asyncio.sleep(bench.pick.uniform(0.0, _INTO_IT_S))
                if worker is not None:
                    crew.kill(worker)
        crew.scale(6)
        await bench.verdict()
