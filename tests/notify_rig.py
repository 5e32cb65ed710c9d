"""Notify's desk without a broker: rows in memory, and a clock that jumps from one moment to the next."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from connectors.notify.assignments import Assignments
from connectors.notify.channels import Channels
from connectors.notify.config import NotifyConfig
from connectors.notify.delivery import Delivery, load
from connectors.notify.desk import Desk
from connectors.office.rows import Assigned, assigned_key, dump
from connectors.outward.addresses import Allowed
from scorer.times import SECOND, Micros, format_time, parse_time

START = parse_time("2026-11-01T09:00:00Z")


class Rows:
    """A table of one partition that nobody else writes to."""

    topic = "t.deliveries"
    partitions = frozenset({0})

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}

    def rows(self, partition: int) -> Mapping[str, bytes]:
        return self.held

    def items(self) -> Iterator[tuple[int, str, bytes]]:
        return iter([(0, key, row) for key, row in self.held.items()])

    async def put(self, partition: int, changes: Mapping[str, bytes | None]) -> None:
        await asyncio.sleep(0)
        for key, row in changes.items():
            if row is None:
                self.held.pop(key, None)
            else:
                self.held[key] = row


class Lot:
    """Takes down what is parked."""

    topic = "t.parked"

    def __init__(self) -> None:
        self.told: list[tuple[str, str, str]] = []

    async def park(self, row: Delivery, partition: int, reason: str) -> None:
        assert json.loads(bytes(row.alert))["id"] == row.id  # what is parked can be asked for again
        self.told.append((row.id, "parked", reason))

    async def drop(self, row: Delivery, partition: int, reason: str) -> None:
        self.told.append((row.id, "dropped", reason))

    async def park_broken(self, partition: int, place: str, value: bytes, reason: str) -> None:
        self.told.append((place, "parked", reason))


class Stage:
    """A desk over rows that outlive it, and what it is given."""

    def __init__(self, channels: Channels | None, now: Micros = START, **settings: Any) -> None:
        self.now = now
        self.rows = Rows()
        self.lot = Lot()
        self.gone: set[str] = set()
        self._channels = channels
        self._config = NotifyConfig(
            "",
            "t",
            Path(),
            lambda: self.now,
            **({"allowed": Allowed.parse("127.0.0.1"), "timeout_s": 5.0} | settings),
        )
        self.assignments = Assignments(self._config)
        self._offset = 0
        self.desk = self._open()

    def _open(self) -> Desk:
        async def committed(topic: str, partition: int) -> int:
            return 0

        erasures = SimpleNamespace(gone=self.gone.__contains__)
        given = (self._config, self._channels, self.rows, self.lot, erasures, committed, self.assignments)
        return Desk(*given)  # type: ignore[arg-type]

    def assign(self, person: str, alert: str, lead: str = "u-1") -> None:
        """The office's word comes in."""
        value = dump(Assigned(lead, person, "turn", self.now, alert))
        self.assignments.note(SimpleNamespace(key=assigned_key(lead).encode(), value=value))

    async def __aenter__(self) -> "Stage":
        await self.desk.gained(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.desk.close()

    async def restart(self) -> None:
        """Another process goes on with the rows."""
        await self.desk.close()
        self.desk = self._open()
        await self.desk.gained(0)

    async def take(self, *values: bytes, topic: str = "t.alerts") -> None:
        """Records come in; waits for what is tried at once."""
        for value in values:
            record = SimpleNamespace(topic=topic, partition=0, offset=self._offset, headers=(), value=value)
            self._offset += 1
            await self.desk.take(0, [record])
        await self.settle()

    async def settle(self) -> None:
        """Waits until nothing is under way any more."""
        await self.desk.go_on()
        while not self.desk.idle:
            await asyncio.sleep(0.001)
            await self.desk.go_on()
        await self.desk._ledger.written(0)

    async def until(self, moment: Micros, step_s: int = 1) -> None:
        """Goes forward to a moment, from one due delivery to the next; by steps while a breaker is open."""
        await self.settle()
        while open_ones := [row.due_at for row in self.all() if row.is_open]:
            kept = Micros(self.now + step_s * SECOND)
            now = min(due if due > self.now else kept for due in open_ones)
            if now > moment:
                break
            self.now = now
            await self.settle()
        self.now = max(self.now, moment)
        await self.settle()

    def all(self) -> list[Delivery]:
        return [load(row) for row in self.rows.held.values()]

    def states(self) -> dict[str, str]:
        """Of each alert, the states of its deliveries."""
        found: dict[str, str] = {}
        for row in self.all():
            found[row.id] = f"{found[row.id]} {row.state}" if row.id in found else row.state
        return found


def alert(number: int, lead: str = "u-1", to: str = "sales", **more: Any) -> bytes:
    """An alert's record, at nine o'clock."""
    told = {
        "id": f"alert-{number}",
        "play": "call-now",
        "lead_id": lead,
        "from": "warm",
        "to": "hot",
        "score": 73.2,
        "at": format_time(START),
        "reasons": [],
        "do": [{"alert": to}],
        "traits": {},
    }
    return json.dumps(told | more).encode()
