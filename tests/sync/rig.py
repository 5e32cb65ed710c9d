"""The engine without Kafka: rows in memory, a scorer that makes something up, CRMs that are real servers."""

import asyncio
import contextlib
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec

from connectors.durable.errors import NotOursError
from connectors.outward.addresses import Allowed
from connectors.sync.book import Book
from connectors.sync.caller import Line, OutwardCaller, tls_of
from connectors.sync.crm import Crm, Destination
from connectors.sync.engine import Engine, Surroundings
from connectors.sync.publishing import Outgoing
from connectors.sync.rows import Row, decode
from connectors.sync.sync_file import parse_sync_file
from scorer.grid import load_grid
from scorer.partitioner import partition_of
from scorer.plan import Plan
from scorer.times import format_time
from tests.streaming import GRID
from tests.sync.standin import FastClock

PARTITIONS = 4
LEADS = int(os.environ.get("LEADHEAT_SYNC_LEADS", "1000"))
WITHIN_S = 60.0 * max(1.0, LEADS / 1_000)
LOCAL = Allowed.parse("127.0.0.1")
"""Where the stand-ins are."""
SCORES, ALERTS, PARKED = "leadheat.scores", "leadheat.alerts", "leadheat.parked"


@dataclass
class MemoryTable:
    """A `durable.Table` whose Kafka is a dictionary."""

    held: dict[int, dict[str, bytes]] = field(
        default_factory=lambda: {number: {} for number in range(PARTITIONS)}
    )
    owned: set[int] = field(default_factory=lambda: set(range(PARTITIONS)))
    puts: int = 0
    full: bool = False
    """Nothing more comes to stand there: each change waits until it is cut off."""

    @property
    def partitions(self) -> frozenset[int]:
        return frozenset(self.owned)

    def rows(self, partition: int) -> Mapping[str, bytes]:
        return self.held[partition]

    async def put(self, partition: int, changes: Mapping[str, bytes | None]) -> None:
        await asyncio.sleep(0)
        if partition not in self.owned:
            raise NotOursError(f"{partition} is not ours")
        while self.full:
            await asyncio.sleep(0.01)
        self.puts += 1
        for key, value in changes.items():
            if value is None:
                self.held[partition].pop(key, None)
            else:
                self.held[partition][key] = value


@dataclass(frozen=True)
class Record:
    """A Kafka record, as far as the engine looks at it."""

    topic: str
    key: bytes
    value: bytes | None


@dataclass
class Park:
    """Keeps what is parked."""

    parked: list[tuple[str, str, str]] = field(default_factory=list)
    """Trace, lead, reason."""

    async def park(
        self, trace: str, destination: str, lead: str, record: str | None, told: dict[str, Any], reason: str
    ) -> None:
        self.parked.append((trace, lead, reason))


@dataclass
class World:
    """What stays when the engine is killed: the rows, the topics; and the scorer behind them."""

    text: str
    environment: Mapping[str, str]
    clock: FastClock
    table: MemoryTable = field(default_factory=MemoryTable)
    park: Park = field(default_factory=Park)
    events: list[dict[str, Any]] = field(default_factory=list)
    traits: dict[str, dict[str, Any]] = field(default_factory=lambda: defaultdict(dict))
    scores: dict[str, float] = field(default_factory=dict)
    erased: set[str] = field(default_factory=set)
    plan: Plan = field(default_factory=lambda: Plan(load_grid(GRID)))
    engine: Engine | None = None
    rescore: bool = True
    """Whether whoever is identified gets a score at once."""
    cut_off: bool = False
    """Once events went out, nothing more comes to stand in the rows."""

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Events come in: traits are taken up, and a score record goes out, as the worker would do."""
        self.table.full = self.cut_off and bool(records)
        leads = []
        for _, _, value in records:
            event = msgspec.json.decode(value)
            self.events.append(event)
            if event["type"] == "identify":
                lead = event["lead_id"]
                held = self.traits[lead]
                held.update(event["traits"])
                for name in [name for name, trait in held.items() if trait is None]:
                    del held[name]
                leads.append(lead)
        if self.rescore:
            asyncio.get_running_loop().call_soon(
                lambda: self.tasks.append(asyncio.create_task(self.score(*dict.fromkeys(leads))))
            )

    tasks: list["asyncio.Task[None]"] = field(default_factory=list)

    async def score(self, *leads: str, **values: Any) -> None:
        """Score records of leads go through the engine."""
        by_partition: dict[int, list[Record]] = defaultdict(list)
        for lead in leads:
            by_partition[self.partition(lead)].append(
                Record(SCORES, lead.encode(), msgspec.json.encode(self.record(lead, **values)))
            )
        assert self.engine is not None
        for partition, records in by_partition.items():
            await self.engine.take(partition, records)

    async def alert(self, lead: str, id_: str, **more: Any) -> None:
        """An alert goes through the engine."""
        alert = {
            "id": id_,
            "play": "call-now",
            "lead_id": lead,
            "from": "warm",
            "to": "hot",
            "score": self.scores.get(lead, 50.0),
            "at": format_time(self.clock()),
            "reasons": [
                {"criterion": "pricing-page", "label": {"fr": "Tarifs", "en": "Pricing"}, "points": 20}
            ],
            "do": [{"alert": "sales"}, {"task": "call"}],
            "traits": {},
            **more,
        }
        assert self.engine is not None
        await self.engine.take(
            self.partition(lead), [Record(ALERTS, lead.encode(), msgspec.json.encode(alert))]
        )

    async def ask_again(self, trace: str, lead: str, destination: str) -> None:
        """What `leadheat parked retry` writes goes through the engine."""
        asked = {
            "id": trace,
            "channel": "sync",
            "destination": destination,
            "result": "retry",
            "lead_id": lead,
        }
        assert self.engine is not None
        await self.engine.take(
            self.partition(lead), [Record(PARKED, trace.encode(), msgspec.json.encode(asked))]
        )

    def record(self, lead: str, **values: Any) -> dict[str, Any]:
        """A score record: points that don't fade, unless said."""
        score = self.scores.setdefault(lead, 50.0)
        tier = "hot" if score >= 70 else "warm" if score >= 30 else "cold"
        return {
            "lead_id": lead,
            "score": score,
            "tier": tier,
            "since": format_time(self.clock()),
            "scores": {},
            "contributions": {"pricing-page": score},
            "as_of": format_time(self.clock()),
            "grid": "b2b-fr",
            "version": 3,
            "identities": [lead],
            "traits": dict(self.traits[lead]),
            "fading": [],
            "pending": [],
            **values,
        }

    @staticmethod
    def partition(lead: str) -> int:
        return partition_of(lead.encode(), PARTITIONS)

    def rows(self) -> list[Row]:
        """All rows."""
        return [decode(data) for held in self.table.held.values() for data in held.values()]

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[dict[str, tuple[Destination, Crm]]]:
        """Connections to the CRMs of the sync file."""
        async with contextlib.AsyncExitStack() as stack:
            crms = {}
            for destination in parse_sync_file(self.text, "sync.yml", self.environment):
                caller = OutwardCaller(LOCAL, 30.0, tls_of(destination.ca))
                line = Line(caller, destination.kind.limits.rates, self.clock)
                stack.push_async_callback(line.close)
                crms[destination.name] = (
                    destination,
                    destination.kind.connect(destination, line, self.clock),
                )
            yield crms

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Engine]:
        """The engine works; at the end of the block it is cut off wherever it is, as by kill -9."""
        async with self.connected() as crms:
            around = Surroundings(
                plan=lambda: self.plan,
                publish=self.publish,
                parking=self.park,
                erased=self.erased.__contains__,
                clock=self.clock,
                partitions=PARTITIONS,
                settle_s=2.0,
                scores=SCORES,
                alerts=ALERTS,
                parked=PARKED,
                look_s=0.02,
            )
            self.engine = Engine(Book(self.table), crms, around)
            for partition in self.table.partitions:
                await self.engine.gained(partition)
            self.engine.start()
            try:
                yield self.engine
            finally:
                await self.engine.stop()
                for task in self.tasks:
                    with contextlib.suppress(NotOursError):
                        await task
                self.tasks.clear()

    async def until(self, holds: Callable[[], bool], what: str = "") -> None:
        """Returns once a condition holds, while the engine goes on."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + WITHIN_S
        while not holds():
            assert self.engine is not None
            await self.engine.go_on()
            assert loop.time() < deadline, f"waited too long {what}"
            await asyncio.sleep(0.02)

    async def quiet(self, calls: Sequence[Any]) -> None:
        """Returns once a whole round of reading brought nothing more to tell: waits for what reads do."""
        before = len(calls)
        await self.until(lambda: len(calls) >= before + 6, "for six more calls")
