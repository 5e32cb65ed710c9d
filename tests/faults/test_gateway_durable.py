"""On a real Kafka that is killed outright under load: every event that got a 200 is there afterwards."""

import asyncio
import itertools

import pytest

from deploy.kafka.cluster import Cluster
from tests.gateway_live import Live, eventually, live_gateway

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

SENDERS = 8
AFTERWARDS = 100
"""Events that must get through after the broker came back."""


class _Load:
    """Senders that note the id of every event that got a 200, and every other status."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._numbers = itertools.count()
        self.durable: list[str] = []
        self.refused: list[int] = []
        self.stopping = False

    async def run(self) -> None:
        await asyncio.gather(*(self._send() for _ in range(SENDERS)))

    async def _send(self) -> None:
        while not self.stopping:
            ids = [f"e-{next(self._numbers)}" for _ in range(10)]
            events = [{"id": one, "type": "page_view", "lead_id": one} for one in ids]
            answer = await self._live.post(events)
            if answer.status_code == 200:
                self.durable += ids
            else:
                self.refused.append(answer.status_code)
                await asyncio.sleep(0.1)  # as a client would


async def test_a_200_survives_a_broker_that_is_killed_under_load(real_kafka: Cluster) -> None:
    async with live_gateway(real_kafka.bootstrap, delivery_timeout_s=2.0) as live:
        load = _Load(live)
        running = asyncio.create_task(load.run())
        try:
            await eventually(lambda: len(load.durable) > AFTERWARDS)
            node = real_kafka.nodes[0]
            real_kafka.kill(node)
            await eventually(lambda: load.refused)
            real_kafka.launch(node)
            await asyncio.to_thread(real_kafka.wait, node)
            before = len(load.durable)
            await eventually(lambda: len(load.durable) > before + AFTERWARDS)
        finally:
            load.stopping = True
            await running
        there = {event["id"] for event in await live.events()}
    assert set(load.refused) == {503}
    assert set(load.durable) <= there
