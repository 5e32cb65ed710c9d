"""F5: brokers of three killed, bounced, all restarted, two of them down: a 200 is durable, workers go on."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from deploy.kafka.cluster import Cluster
from tests.faults.bench import GATEWAY_ANSWERS_WITHIN_S, Bench
from tests.faults.conftest import SHORT_SESSIONS
from tests.faults.sizes import LONG, size

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

_LEADER_KILLS: Final = {LONG.name: 5}
_DOWN_S: Final = 8.0
_ENOUGH_S: Final = 600.0
"""Of events for all the harm, however slow the machine; it ends with the harm."""


@pytest.fixture
def three_kafkas(kafka_tools: None) -> Iterator[Cluster]:
    """Three nodes of the test's own."""
    # A broker that was killed may come back only once its own session is over: 9 s by default.
    brokers = {"broker.session.timeout.ms": "3000", "broker.heartbeat.interval.ms": "500"}
    with Cluster(3, heap_mb=256, settings=SHORT_SESSIONS | brokers) as cluster:
        yield cluster


async def _kill_leader(bench: Bench, partition: int) -> None:
    node = await bench.kafka.leader(bench.topics.full("signals"), partition)
    assert node is not None
    bench.note(f"kill -9 Kafka {node.number}, which leads partition {partition} of signals")
    bench.kafka.kill(node)
    await asyncio.sleep(bench.pick.uniform(1.0, 3.0))
    await _restart(bench, node.number)


async def _restart(bench: Bench, *numbers: int) -> None:
    nodes = [node for node in bench.kafka.nodes if node.number in numbers]
    for node in nodes:
        bench.kafka.launch(node)
    for node in nodes:
        await asyncio.to_thread(bench.kafka.wait, node)
    bench.note(f"Kafka {', '.join(map(str, numbers))} again")
    async with asyncio.timeout(90):
        while await bench.kafka.in_sync(bench.topics.full("signals")) < len(bench.kafka.nodes):
            await asyncio.sleep(0.3)


async def test_f5_brokers(three_kafkas: Cluster, tmp_path: Path) -> None:
    told = size().told * 4  # of which only those come whose moment comes before the harm is done
    sized = replace(size(), seconds=max(size().seconds, _ENOUGH_S), rate=min(size().rate, 200), told=told)
    async with Bench("F5 brokers", three_kafkas, tmp_path, size_of=sized, by_gateway=True) as bench:
        bench.crew.scale(2)
        statuses = bench.sender.ledger.statuses
        await bench.ready()
        async with bench.sending():
            for _ in range(_LEADER_KILLS.get(size().name, 1)):
                await _kill_leader(bench, bench.pick.randrange(bench.topics.partitions))

            bench.note("rolling bounce")
            for node in bench.kafka.nodes:
                await asyncio.to_thread(bench.kafka.shut_down, [node])
                await _restart(bench, node.number)

            bench.note("all killed -9")
            for node in bench.kafka.nodes:
                bench.kafka.kill(node)
            await _restart(bench, 1, 2, 3)

            down = bench.kafka.nodes[1:]
            bench.note("two of three down")
            for node in down:
                bench.kafka.kill(node)
            await asyncio.sleep(GATEWAY_ANSWERS_WITHIN_S + 1)  # what was posted before is answered by now
            before = Counter(statuses)
            await asyncio.sleep(_DOWN_S)
            meanwhile = statuses - before
            await _restart(bench, *(node.number for node in down))
            bench.send_no_more()
        await bench.verdict()
        assert set(meanwhile) == {503}
