"""F9: a dead network, a blocked event loop, a paused broker: workers end, are replaced, and stay small."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from deploy.kafka.cluster import Cluster
from tests.faults.bench import Bench
from tests.faults.population import mark
from tests.faults.proxy import proxy_before
from tests.faults.sizes import LONG, SOAK, size
from tests.faults.slow_shard import STUCK
from tests.integration.processes import until_async

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

_REPLACED_WITHIN_S: Final = 120.0
_BROKER_PAUSED_S: Final = {LONG.name: 60.0, SOAK.name: 120.0}
_MOST_MIB: Final = 400.0


async def test_f9_stalls(fault_kafka: Cluster, tmp_path: Path) -> None:
    sized = replace(size(), seconds=max(size().seconds, 40.0))
    (node,) = fault_kafka.nodes
    with proxy_before(fault_kafka, 1) as proxy:
        async with Bench(
            "F9 stalls",
            fault_kafka,
            tmp_path,
            size_of=sized,
            doors={"w0": 1},
            worker={"write_within_s": 5.0},
            options=("--slow-s", "0"),
        ) as bench:
            mark(bench.population, len(bench.population.planned) // 3, STUCK)
            bench.crew.scale(2)

            await bench.ready()
            cut_off, other = bench.crew.workers
            async with bench.sending():
                bench.note("network of w0: black hole")
                proxy.set("black hole")

                await until_async((tmp_path / "stuck").exists, _REPLACED_WITHIN_S)
                bench.note("the event loop of w1 is blocked")
                await until_async(lambda: bool(other.exits), _REPLACED_WITHIN_S)

                bench.note("broker paused")
                bench.kafka.pause(node)
                await asyncio.sleep(_BROKER_PAUSED_S.get(size().name, 8.0))
                bench.kafka.resume(node)
                bench.note("broker resumed")

                await until_async(lambda: bool(cut_off.exits), _REPLACED_WITHIN_S)
                proxy.set("open")
                bench.note("network of w0: open")
            verdict = await bench.verdict()
            assert verdict.peak_mib < _MOST_MIB
