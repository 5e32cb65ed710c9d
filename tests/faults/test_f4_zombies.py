"""F4: workers frozen, or cut off, past their session come back while others have their partitions."""

import asyncio
from pathlib import Path
from typing import Final

import pytest

from deploy.kafka.cluster import Cluster
from tests.faults.bench import Bench
from tests.faults.proxy import proxy_before

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

_SESSION_S: Final = 3.0
_PAST_IT_S: Final = (3.5, 5.0)


async def test_f4_frozen_workers_come_back(fault_kafka: Cluster, tmp_path: Path) -> None:
    async with Bench("F4 frozen workers", fault_kafka, tmp_path, session_s=_SESSION_S) as bench:
        bench.crew.scale(3)
        frozen = 0
        await bench.ready()
        async with bench.sending():
            async for _ in bench.harm(every=(0.2, 1.5)):
                if not bench.crew.running:
                    continue
                worker = bench.pick.choice(bench.crew.running)
                bench.crew.freeze(worker)
                await asyncio.sleep(bench.pick.uniform(*_PAST_IT_S))
                bench.crew.thaw(worker)
                frozen += 1
        await bench.caught_up()
        for worker in bench.crew.running:
            bench.crew.kill(worker)  # and what a zombie wrote last must not come back by recovery
        await bench.verdict()
        assert frozen > 1


async def test_f4_a_cut_off_worker_comes_back(fault_kafka: Cluster, tmp_path: Path) -> None:
    with proxy_before(fault_kafka, 1) as proxy:
        doors = {"w0": 1}
        async with Bench("F4 cut off", fault_kafka, tmp_path, session_s=_SESSION_S, doors=doors) as bench:
            bench.crew.scale(2)
            await bench.ready()
            cuts = 0
            async with bench.sending():
                async for _ in bench.harm(every=(1.0, 3.0)):
                    mode = bench.pick.choice(["black hole", "black hole", "answers dropped", "reset"])
                    bench.note(f"network of w0: {mode}")
                    proxy.set(mode)
                    await asyncio.sleep(bench.pick.uniform(*_PAST_IT_S))
                    proxy.set("open")
                    bench.note("network of w0: open")
                    cuts += 1
            await bench.caught_up()
            for worker in bench.crew.running:
                bench.crew.kill(worker)
            await bench.verdict()
            assert cuts > 1
