"""Assignments and tasks on a broker: kept over restarts, told of once nobody did them."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import msgspec
from aiokafka import AIOKafkaProducer

from connectors.office.config import OfficeConfig
from connectors.office.office import Office
from connectors.office.rows import Assigned, Task, load
from scorer.blocks import Hasher
from scorer.erasure import Notice
from scorer.times import Micros
from scorer.topics import ALERTS, ERASURES, OUTCOMES, TASKS, full_name
from tests.streaming import Rig
from tests.unit.test_office_desk import NOW, TEAM, alert

_WITHIN_S = 60.0


class _Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> Micros:
        return self.now


async def _until(rig: Rig, clock: _Clock, topic: str, enough: Callable[[list[Any]], bool]) -> list[Any]:
    """Runs an office until the records of a topic are enough; gives them."""
    stop = asyncio.Event()
    config = OfficeConfig(rig.bootstrap, rig.prefix, TEAM, clock, session_timeout_s=rig.session_s)
    running = asyncio.create_task(Office(config).run(stop))
    try:
        async with asyncio.timeout(_WITHIN_S), rig.read(topic) as reader:
            while not enough((await reader.read()).records):
                if running.done():
                    running.result()
            return reader.records
    finally:
        stop.set()
        await running


async def test_leads_are_assigned_and_what_nobody_does_is_told(rig: Rig) -> None:
    await rig.make_topics()
    clock = _Clock()
    task = {"do": "call", "within": "4h", "escalate": "managers"}
    asked = [{"assign": "round-robin"}, {"task": task}]

    def rows(records: list[Any]) -> list[Any]:
        return [load(one.value) for one in records if not one.key.startswith(b"\0")]

    async with AIOKafkaProducer(bootstrap_servers=rig.bootstrap) as producer:
        notice = msgspec.json.encode(Notice("2026-11-01T09:00:00Z"))
        hashed = Hasher(b"").hash("u-erased").hex().encode()
        await producer.send_and_wait(full_name(rig.prefix, ERASURES), notice, key=hashed)

        async def send(topic: str, told: dict[str, Any]) -> None:
            value = json.dumps(told).encode()
            await producer.send_and_wait(full_name(rig.prefix, topic), value, key=told["lead_id"].encode())

        await send(ALERTS, alert(4, "u-erased", do=asked))  # it waited for longer than the lead was known
        for number in range(4):
            await send(ALERTS, alert(number, f"u-{number}", do=asked))
        found = rows(await _until(rig, clock, TASKS, lambda records: len(rows(records)) >= 8))
        assert {one.lead for one in found} == {"u-0", "u-1", "u-2", "u-3"}
        people = [one.person for one in found if isinstance(one, Assigned)]
        assert sorted(people) == ["claire", "claire", "paul", "paul"]
        done = {"type": "outcome", "lead_id": "u-0", "properties": {"outcome": "accepted", "by": "claire"}}
        await send(OUTCOMES, done)
        found = rows(await _until(rig, clock, TASKS, lambda records: len(rows(records)) >= 9))
        assert [(one.lead, one.state) for one in found if isinstance(one, Task) and one.state != "open"] == [
            ("u-0", "done")
        ]
        clock.now = Micros(NOW + 4 * 3_600_000_000)
        told = await _until(rig, clock, ALERTS, lambda records: len(records) >= 8)
        again = await _until(rig, clock, ALERTS, lambda records: len(records) >= 8)
    late = [json.loads(one.value) for one in told if b"escalates" in one.value]
    assert sorted(one["lead_id"] for one in late) == ["u-1", "u-2", "u-3"]
    assert all(one["do"] == [{"alert": "managers"}] for one in late)
    assert len(again) == 8
