"""F4: workers frozen, or cut off, past their session come back while others have their partitions."""

import asyncio
from pathlib import Path
from typing import Final

import pytest

from deploy.kafka.cluster import Cluster
from tests.faults.bench import Bench
from tests.faults.crew import Worker
from tests.faults.proxy import Mode, Proxy, proxy_before

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

_SESSION_S: Final = 3.0
_PAST_IT_S: Final = (3.5, 5.0)
_CUTS: Final[list[Mode]] = ["black hole", "black hole", "answers dropped", "reset"]


async def test_f4_zombies(fault_kafka: Cluster, tmp_path: Path) -> None:
    with proxy_before(fault_kafka, 1) as proxy:
        doors = {"w0": 1}
        async with Bench("F4 zombies", fault_kafka, tmp_path, session_s=_SESSION_S, doors=doors) as bench:
            bench.crew.scale(3)
            await bench.ready()
            frozen = cut = 0
            async with bench.sending():
                async for turn in bench.harm(every=(0.2, 1.0)):
                    away_s = bench.pick.uniform(*_PAST_IT_S)
                    if turn % 2:
                        await _cut(bench, proxy, away_s)
                        cut += 1
                    elif others := [one for one in bench.crew.running if one.name != "w0"]:
                        await _freeze(bench, bench.pick.choice(others), away_s)
                        frozen += 1
            await bench.caught_up()
            for worker in bench.crew.running:
                bench.crew.kill(worker)  # and what a zombie wrote last must not come back by recovery
            await bench.verdict()
            assert frozen
            assert cut


async def _freeze(bench: Bench, worker: Worker, away_s: float) -> None:
    bench.crew.freeze(worker)
    await asyncio.sleep(away_s)
    bench.crew.thaw(worker)


async def _cut(bench: Bench, proxy: Proxy, away_s: float) -> None:
    """Cuts the network of w0; what it had sent into a black hole arrives when the others have taken over."""
    mode = bench.pick.choice(_CUTS)
    bench.note(f"network of w0: {mode}")
    proxy.set(mode)
    await asyncio.sleep(away_s)
    proxy.set("open")
    bench.note("network of w0: open")
