"""F11: worker and notify killed between every two of their steps: whoever is told acts on each crossing once.

A process of each, the worker from events to alerts and notify from alerts to a receiver, which verifies them
and fails now and then. Each is ended in life after life at another of its steps, whatever the other does.
"""

import asyncio
import base64
import json
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from starlette.requests import Request
from starlette.responses import Response

from deploy.kafka.cluster import Cluster
from deploy.parked import parked
from tests.faults.bench import Bench
from tests.faults.checker import Found, compare_alerts
from tests.faults.crew import Crew
from tests.faults.sizes import size
from tests.integration.processes import until_async
from tests.lives import Lives
from tests.webhook_receiver import Receiver, receiving

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

LIVES: Final = {"smoke": 2, "short": 4}.get(size().name, 100)
"""How many of each are killed."""
MOMENTS_OF_A_WORKER: Final = 12
"""Before and after each of a cycle's four writes and the commit, and some of the next cycle."""
MOMENTS_OF_NOTIFY: Final = 20
"""Of some alerts: before and after a request, a row, the commit."""
SIZE: Final = (
    replace(size(), seconds=1_200, rate=300, told=600)  # until the last life, and always something to act on
    if LIVES == 100
    else replace(size(), seconds=15)
)
SECRET: Final = "whsec_" + base64.b64encode(bytes(range(32))).decode()
FAILS: Final = "0"
"""The end of ids, which are hexadecimal."""
TAKES_S: Final = 0.05
"""It acts when this has passed, so that what is under way at a kill is lost unless it is sent again."""
SESSION_S: Final = 1.0


class Idempotent(Receiver):
    """Acts on each id once, unless who sent it is gone meanwhile; one in sixteen fails, the first time."""

    def __init__(self) -> None:
        super().__init__(SECRET)
        self.acts: dict[str, dict[str, Any]] = {}

    async def receive(self, request: Request) -> Response:
        name = request.headers["webhook-id"]
        await request.body()
        await asyncio.sleep(TAKES_S)
        if await request.is_disconnected():
            return Response(status_code=500)  # nobody is there to read it
        if name.endswith(FAILS) and name not in self.attempts:
            self.attempts.append(name)
            return Response(status_code=503)
        answer = await super().receive(request)
        alert = self.taken[-1]["data"]
        assert self.acts.setdefault(alert["id"], alert) == alert
        return answer


async def test_f11_up_to_the_receiver(fault_kafka: Cluster, tmp_path: Path) -> None:
    workers = Lives(tmp_path / "worker.lives", LIVES, MOMENTS_OF_A_WORKER)
    notifiers = Lives(tmp_path / "notify.lives", LIVES, MOMENTS_OF_NOTIFY)
    receiver = Idempotent()
    channels = tmp_path / "channels.yml"
    channels.write_text(json.dumps({"sales": [{"webhook": receiver.url, "secret": SECRET}]}))
    async with Bench(
        "F11 up to the receiver",
        fault_kafka,
        tmp_path,
        partitions=2,  # so that a life of notify, which reads its rows one after the other, begins soon
        session_s=SESSION_S,
        worker={"instance": "worker"},  # a life's partitions are its own again at once
        options=("--lives", *workers.arguments),
        size_of=SIZE,
    ) as bench:
        command = [sys.executable, "-m", "tests.faults.notify_main", fault_kafka.bootstrap]
        command += [bench.topics.prefix, str(channels), str(SESSION_S), *notifiers.arguments]
        (tmp_path / "notify").mkdir()
        async with receiving(receiver), Crew(lambda name: command, tmp_path / "notify", bench.note) as told:
            bench.crew.scale(1)
            told.scale(1)
            async with bench.sending():
                async for _ in bench.harm(every=(0.5, 0.5)):
                    if workers.over and notifiers.over:
                        bench.send_no_more()
            bench.note(f"killed: the worker {workers.ended} times, notify {notifiers.ended} times")
            await bench.verdict()
            alerts = await bench.topics.read("alerts")
            ids = {json.loads(record.value)["id"] for record in alerts}
            await until_async(lambda: receiver.acts.keys() >= ids, SIZE.heal_within_s)
            assert await told.stop() == [0]  # done with what was under way
        assert min(workers.ended, notifiers.ended) >= (LIVES if LIVES == 100 else 1)
        assert await parked(fault_kafka.bootstrap, bench.topics.prefix) == []
        _require_each_crossing_once(bench, receiver, alerts)
        repeated = len(receiver.taken) - len(receiver.acts)
        print(
            f"{workers.ended} kills of the worker, {notifiers.ended} of notify: "
            f"{len(receiver.acts)} crossings acted on, {len(alerts) - len(ids)} alerts written again, "
            f"{repeated} delivered again"
        )


def _require_each_crossing_once(bench: Bench, receiver: Idempotent, alerts: list[Any]) -> None:
    """What the receiver acted on is what the naive model says, and for each lead in the alerts' order."""
    assert bench.expected is not None
    found = Found()
    acts = [json.dumps(one).encode() for one in receiver.acts.values()]
    compare_alerts(found, bench.expected.alerts, acts, bench.population.chatty)
    assert not found.wrong, found.wrong
    assert found.alerts_repeated == 0
    written = [json.loads(record.value) for record in alerts]
    assert _by_lead(receiver.acts.values()) == _by_lead({one["id"]: one for one in written}.values())


def _by_lead(alerts: Iterable[dict[str, Any]]) -> dict[str, list[str]]:
    """Of each lead, the ids in order."""
    found: dict[str, list[str]] = defaultdict(list)
    for alert in alerts:
        found[alert["lead_id"]].append(alert["id"])
    return found
