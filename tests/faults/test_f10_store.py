"""F10: the store emptied, stopped and lost under load and readers: never a lower score, never a false zero.

What else of F10 is proven elsewhere: receivers of alerts that fail, refuse, redirect or hang in
`tests/integration/test_notify_*`, a kill between state and alert in `tests/simulation`, bombs in
`tests/unit/test_ingest_bodies.py`.
"""

import asyncio
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.serve_live import Reading, Scored, Store, reading

pytest_plugins = ["tests.serve_fixtures"]
pytestmark = [pytest.mark.embedded, pytest.mark.slow]

GRID = """
grid: counts
version: 1
scores: {engagement: {min: 0, max: 100000}}
criteria: [{id: each, score: engagement, points: 1, event: download}]
tiers: [{id: cold}]
"""
LEADS = ("u-1", "u-2")
STOPPED_S = 3.0


@pytest.fixture
def serve_grid(tmp_path: Path) -> Path:
    """Every event is a point, and nothing fades: a score says how many events it knows of."""
    path = tmp_path / "grid.yml"
    path.write_text(GRID)
    return path


@dataclass
class Load:
    """Somebody publishes, and others read, for as long as they are let."""

    topics: Scored
    api: Reading
    sent: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    seen: dict[str, float] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    async def publish(self) -> None:
        while True:
            self.sent += 1
            await self.topics.publish(
                *({"id": f"{lead}-{self.sent}", "type": "download", "lead_id": lead} for lead in LEADS)
            )
            await asyncio.sleep(0.01)

    async def read_leads(self) -> None:
        while True:
            for lead in LEADS:
                answer = await self.api.client.get(f"/v1/leads/{lead}")
                self.statuses[answer.status_code] += 1
                if answer.status_code == 200:
                    self._saw(lead, answer.json()["score"], lead)
                elif answer.status_code != 503 and not (answer.status_code == 404 and lead not in self.seen):
                    self.wrong.append(f"{lead}: status {answer.status_code}, which was there before")
            await asyncio.sleep(0.01)

    async def read_list(self) -> None:
        while True:
            answer = await self.api.client.get("/v1/leads")
            self.statuses[answer.status_code] += 1
            if answer.status_code == 200:
                found = {one["lead_id"]: one["score"] for one in answer.json()["leads"]}
                for lead in set(self.seen) & set(LEADS):
                    self._saw(f"{lead} of the list", found.get(lead, 0.0), lead)
            elif answer.status_code != 503:
                self.wrong.append(f"the list: status {answer.status_code}")
            await asyncio.sleep(0.01)

    def _saw(self, what: str, score: float, lead: str) -> None:
        if score < self.seen.get(what, 1.0):
            self.wrong.append(f"{what}: {score} after {self.seen.get(what)}")
        self.seen[what] = max(score, self.seen.get(what, 0.0))
        self.seen.setdefault(lead, 1.0)


async def grown(load: Load, by: int = 20) -> None:
    """Returns once every reader has seen so much more."""
    before = dict(load.seen)
    async with asyncio.timeout(60):
        while len(load.seen) < 2 * len(LEADS) or any(
            load.seen[one] < before.get(one, 0.0) + by for one in load.seen
        ):
            await asyncio.sleep(0.05)


async def stop_for_a_while(store: Store) -> None:
    store.signal(signal.SIGSTOP)
    await asyncio.sleep(STOPPED_S)
    store.signal(signal.SIGCONT)


async def lose(store: Store) -> None:
    """As where it fails over to a copy that holds nothing."""
    store.kill()
    await asyncio.sleep(0.3)
    store.start()


async def empty(store: Store) -> None:
    store.client().flushall()


@pytest.mark.parametrize("harm", [empty, stop_for_a_while, lose])
async def test_f10_store(
    harm: Callable[[Store], None], topics: Scored, serve_store: Store, serve_grid: Path
) -> None:
    async with reading(topics, serve_store, serve_grid) as api:
        load = Load(topics, api)
        working = [asyncio.create_task(one()) for one in (load.publish, load.read_leads, load.read_list)]
        try:
            for _ in range(3):
                await grown(load)
                await harm(serve_store)
            await grown(load)
        finally:
            for one in working:
                one.cancel()
            ended = await asyncio.gather(*working, return_exceptions=True)
        assert [one for one in ended if not isinstance(one, asyncio.CancelledError)] == []
        assert load.wrong == []
        assert set(load.statuses) <= {200, 404, 503}
        assert load.statuses[503] or harm is not lose
        await api.caught_up(topics)
        scores = {one["lead_id"]: one["score"] for one in (await api.get("/v1/leads"))["leads"]}
        assert scores["u-1"] >= load.sent - 1
