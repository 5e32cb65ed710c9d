"""F1: workers killed again and again while there are one, four, two, six of them lose and double nothing."""

from pathlib import Path

import pytest

from deploy.kafka.cluster import Cluster
from tests.faults.bench import Bench

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


async def test_f1_kill_loop(fault_kafka: Cluster, tmp_path: Path) -> None:
    async with Bench("F1 kill loop", fault_kafka, tmp_path) as bench:
        bench.crew.scale(1)
        await bench.ready()
        async with bench.sending():
            async for turn in bench.harm(every=(2.5, 5.0)):
                if turn % 2 == 0:
                    bench.crew.scale((4, 2, 6, 1)[turn // 2 % 4])
                if bench.crew.running:
                    bench.crew.kill(bench.pick.choice(bench.crew.running))
        bench.crew.scale(6)
        await bench.verdict()
