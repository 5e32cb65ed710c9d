"""F2: workers killed right after a commit, on a slow broker, and what the changelog alone then gives."""

import asyncio
from pathlib import Path
from typing import Final

import pytest

from deploy.kafka.cluster import Cluster
from tests.faults.bench import Bench
from tests.faults.proxy import proxy_before

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

_EACH_WAY_S: Final = 0.15
"""So that a commit is at the broker 150 ms before the worker knows, and batches fill up meanwhile."""
_FILLS_UP_S: Final = 1.0


async def test_f2_kill_at_commit(fault_kafka: Cluster, tmp_path: Path) -> None:
    with proxy_before(fault_kafka, 0) as proxy:
        async with Bench("F2 kill at commit", fault_kafka, tmp_path, session_s=3.0, doors=0) as bench:
            bench.crew.scale(2)
            kills = 0
            await bench.ready()
            async with bench.sending():
                while bench.is_sending:
                    proxy.delay_s = 0.0  # they join fast and warm up, and there is time for more kills
                    await bench.next_commit(within_s=15.0)
                    proxy.delay_s = _EACH_WAY_S
                    await asyncio.sleep(_FILLS_UP_S)
                    if await bench.next_commit(within_s=5.0):
                        for worker in bench.crew.running:
                            bench.crew.kill(worker)
                            kills += 1
            proxy.delay_s = 0.0
            await bench.caught_up()
            for worker in bench.crew.running:
                bench.crew.kill(worker)  # who takes over knows nothing but what the changelog holds
            await bench.verdict()
            assert kills > 1
