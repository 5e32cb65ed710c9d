"""F8: a fifth of the gateway's answers never arrive, a tenth of the events is sent again, up to five times.

The client sends again whatever it got no answer for, and what it repeats comes later and in any order;
workers are killed meanwhile. Every event counts once.
"""

from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.kafka.cluster import Cluster
from deploy.ports import free_ports
from tests.faults.bench import Bench
from tests.faults.proxy import Proxy
from tests.gateway_live import KEY

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

LOST = 0.2
AGAIN = 0.1
MOST_AGAIN = 5
WAITS_S = 0.3
"""For an answer that was lost; for others long, however busy the machine."""
HEADERS = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}


class Doubtful(Bench):
    """A bench whose client of the gateway is behind a network that loses answers."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, by_gateway=True, **more)
        self.lost = 0
        self.repeated = 0
        self._held: list[bytes] = []  # to be sent again
        self.proxy: Proxy | None = None
        self.client: httpx.AsyncClient | None = None

    async def _post(self, events: list[bytes]) -> int:
        """As a client does: once more, with the same events, until an answer came."""
        assert self.proxy is not None and self.client is not None
        for event in events:
            if self.pick.random() < AGAIN:
                self._held += [event] * self.pick.randint(1, MOST_AGAIN)
        lost = self.pick.random() < LOST
        if lost:
            self.lost += 1
            self.proxy.set("answers dropped")
        try:
            answer = await self._send(events, WAITS_S if lost else 10.0)
        finally:
            if lost:
                self.proxy.set("open")
        if answer == 200 and self.pick.random() < 0.3:
            await self.repeat()
        return answer

    async def repeat(self) -> None:
        """What was to be sent again, in any order."""
        held, self._held = self._held, []
        self.pick.shuffle(held)
        for first in range(0, len(held), 50):
            assert await self._send(held[first : first + 50]) == 200
        self.repeated += len(held)

    async def _send(self, events: list[bytes], within_s: float = 10.0) -> int:
        assert self.client is not None
        content = b"[" + b",".join(events) + b"]"
        answer = await self.client.post("/v1/events", content=content, headers=HEADERS, timeout=within_s)
        return answer.status_code


async def test_f8_lost_answers(fault_kafka: Cluster, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    async with Doubtful("F8 lost answers", fault_kafka, tmp_path) as bench:
        assert bench.gateway is not None
        server = bench.gateway.client.base_url.port
        assert server is not None
        url = f"http://127.0.0.1:{port}"
        with Proxy([(port, server)]) as bench.proxy:
            async with httpx.AsyncClient(base_url=url) as bench.client:
                bench.crew.scale(2)
                await bench.ready()
                async with bench.sending():
                    async for _ in bench.harm(every=(3.0, 6.0)):
                        bench.crew.kill(bench.pick.choice(bench.crew.workers))
                await bench.repeat()
        bench.note(f"{bench.lost} answers lost, {bench.repeated} events sent again")
        assert bench.lost and bench.repeated
        await bench.verdict()
