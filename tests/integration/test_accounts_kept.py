"""The keeping of accounts on a broker: killed in between, shared out, and what stays of the erased."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from deploy import leash
from scorer.erasure import ERASED
from scorer.silence import header
from scorer.times import Micros, format_time
from scorer.topics import ACCOUNTS, ALERTS, SCORES, full_name
from tests.streaming import Rig, TopicReader, producer_to, until

GRID = """
grid: accounts
version: 1
scores: {engagement: {min: -50, max: 100}}
criteria: [{id: visit, score: engagement, points: 10, event: page_view, half_life: 7d}]
tiers: [{id: cold}, {id: warm, from: 20}, {id: hot, from: 50}]
accounts: {roll_up: sum, tiers: [{id: cold}, {id: hot, from: 100}], hysteresis: 5}
plays:
  - {id: account-hot, when: {account: {enters: hot}}, do: [{alert: sales}]}
  - {id: account-left, when: {account: {leaves: hot}}, do: [{alert: sales}]}
"""
_COMPANIES = 5
_LEADS = 20


@dataclass
class Keeper:
    """A process that keeps accounts."""

    rig: Rig
    log: Path
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it."""
        grid = self.log.with_suffix(".yml")
        grid.write_text(GRID)
        told = {
            "LEADHEAT_KAFKA": self.rig.bootstrap,
            "LEADHEAT_TOPIC_PREFIX": self.rig.prefix,
            "LEADHEAT_GRID": str(grid),
            "LEADHEAT_SESSION_TIMEOUT_S": str(self.rig.session_s),
        }
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                leash.command([sys.executable, "-m", "deploy.cli", "accounts"]),
                env=os.environ | told,
                stdout=log,
                stderr=log,
            )

    def ready(self, count: int = 1) -> None:
        """Returns once it has read all that there was."""
        said = "leads are in accounts here"
        until(lambda: self.log.read_text().count(said) >= count, 60, lambda: self.log.read_text()[-3_000:])

    def kill(self, number: int = signal.SIGKILL) -> int:
        """Ends it."""
        if self._process is None:
            return 0
        self._process.send_signal(number)
        return self._process.wait(20)


@pytest.fixture
def keeper(embedded_rig: Rig, tmp_path: Path) -> Iterator[Keeper]:
    """A keeper that is not started."""
    made = Keeper(replace(embedded_rig, session_s=2.0), tmp_path / "keeper.log")
    yield made
    made.kill()


@dataclass
class Desk:
    """Says scores of leads, and knows what the last ones were."""

    producer: AIOKafkaProducer
    topic: str
    last: dict[str, tuple[str, float]] = field(default_factory=dict)

    async def say(self, lead: str, company: str, points: float, headers: Any = None) -> None:
        """A lead's score record."""
        now = time.time_ns() // 1_000
        at = format_time(now)
        record = {
            "lead_id": lead,
            "as_of": at,
            "tier": "hot" if points >= 50 else "cold",
            "contributions": {"visit": points},
            "fading": [["visit", points, 7 * 86_400, at, None]],
            "pending": [],
            "traits": {"email": f"{lead}@{company}", "company": company.upper()},
        }
        await self._send(lead, json.dumps(record).encode(), now, headers)
        self.last[lead] = company, points

    async def erase(self, lead: str) -> None:
        """An erased lead's last record."""
        await self._send(lead, None, time.time_ns() // 1_000, [(ERASED, b"00")])
        self.last.pop(lead, None)

    async def _send(self, lead: str, value: bytes | None, now: int, headers: Any = None) -> None:
        await self.producer.send_and_wait(
            self.topic, value, key=lead.encode(), timestamp_ms=now // 1_000, headers=headers or []
        )

    def expected(self) -> dict[str, tuple[float, int]]:
        """Points and number of leads of each account."""
        found: dict[str, tuple[float, int]] = {}
        for company, points in self.last.values():
            total, count = found.get(company, (0.0, 0))
            found[company] = total + points, count + 1
        return found


def rows(reader: TopicReader) -> dict[str, Any]:
    """The last row of each account."""
    found: dict[str, Any] = {}
    for record in reader.records:
        if not record.key.startswith(b"\0"):
            found[record.key.decode()] = json.loads(record.value) if record.value else None
    return {account: row for account, row in found.items() if row and row["count"]}


def agree(reader: TopicReader, desk: Desk) -> bool:
    """Whether the accounts are what their leads make of them; their points fade little in a minute."""
    held, wanted = rows(reader), desk.expected()
    return held.keys() == wanted.keys() and all(
        row["count"] == wanted[account][1] and row["score"] == pytest.approx(wanted[account][0], rel=1e-3)
        for account, row in held.items()
    )


def of_account(reader: TopicReader, account: str) -> list[dict[str, Any]]:
    """The alerts of an account, each once, in the order of what happened."""
    told = {alert["id"]: alert for record in reader.records if (alert := json.loads(record.value))}
    return sorted((one for one in told.values() if one["account"] == account), key=lambda one: str(one["at"]))


def last_tier(reader: TopicReader, account: str) -> str:
    """The tier that the last alert of an account told of."""
    told = of_account(reader, account)
    return str(told[-1]["to"]) if told else "cold"


async def test_accounts_and_their_alerts_outlive_a_keeper_that_is_killed(keeper: Keeper) -> None:
    rig, chance = keeper.rig, random.Random(6)
    await rig.make_topics()
    keeper.start()
    keeper.ready()
    async with producer_to(rig.bootstrap) as producer, rig.read(ACCOUNTS) as held, rig.read(ALERTS) as told:
        desk = Desk(producer, full_name(rig.prefix, SCORES))
        for life in range(2, 5):
            for _ in range(80):
                lead = chance.randrange(_LEADS)
                company = f"firm-{(lead + (life > 3) * chance.randrange(2)) % _COMPANIES}.example"
                await desk.say(f"u-{lead}", company, float(chance.randrange(1, 60)))
            keeper.kill()  # whatever it is doing
            keeper.start()
            keeper.ready(life)
        await held.read_until(lambda reader: agree(reader, desk))
        await told.read_until(
            lambda reader: all(
                last_tier(reader, account) == row["tier"] for account, row in rows(held).items()
            )
        )
    alerts = {one.value: json.loads(one.value) for one in told.records}
    assert len({one["id"] for one in alerts.values()}) == len(alerts)  # what is told twice is the same
    assert {one["to"] for one in alerts.values()} == {"hot", "cold"}
    assert all(one["leads"][0]["lead_id"] == one["lead_id"] for one in alerts.values())
    for account in rows(held):
        tiers = ["cold", *(one["to"] for one in of_account(told, account))]
        assert all(one != other for one, other in pairwise(tiers))  # none is missing


async def test_of_erased_leads_nothing_stays(keeper: Keeper) -> None:
    rig = keeper.rig
    await rig.make_topics()
    keeper.start()
    async with producer_to(rig.bootstrap) as producer, rig.read(ACCOUNTS) as held:
        desk = Desk(producer, full_name(rig.prefix, SCORES))
        await desk.say("u-1", "firm.example", 10.0)
        await desk.say("u-2", "firm.example", 20.0)
        await desk.say("u-3", "own.example", 20.0)
        await held.read_until(lambda reader: agree(reader, desk))
        await desk.erase("u-1")
        await desk.erase("u-3")
        await held.read_until(lambda reader: agree(reader, desk))
    latest = {one.key: one.value for one in held.records}
    assert latest[b"own.example"] is None
    assert all(b"u-1" not in value and b"u-3" not in value for value in latest.values() if value)


async def test_history_heats_accounts_silently(keeper: Keeper) -> None:
    rig = keeper.rig
    await rig.make_topics()
    keeper.start()
    keeper.ready()
    async with (
        producer_to(rig.bootstrap) as producer,
        rig.read(ACCOUNTS) as held,
        rig.read(ALERTS) as told,
    ):
        desk = Desk(producer, full_name(rig.prefix, SCORES))
        await desk.say("u-1", "old.example", 100.0, [header(Micros(time.time_ns() // 1_000))])
        await held.read_until(lambda reader: rows(reader).get("old.example", {}).get("tier") == "hot")
        await desk.say("u-2", "new.example", 100.0)
        await told.read_until(lambda reader: bool(of_account(reader, "new.example")))
    assert of_account(told, "old.example") == []


async def test_keepers_share_the_accounts_and_one_takes_over(keeper: Keeper, tmp_path: Path) -> None:
    rig = keeper.rig
    await rig.make_topics()
    other = Keeper(rig, tmp_path / "other.log")
    keeper.start()
    keeper.ready()
    other.start()
    try:
        other.ready()
        async with producer_to(rig.bootstrap) as producer, rig.read(ACCOUNTS) as held:
            desk = Desk(producer, full_name(rig.prefix, SCORES))
            for number in range(40):
                await desk.say(f"u-{number % 10}", f"firm-{number % 7}.example", float(number))
            await held.read_until(lambda reader: agree(reader, desk))
            other.kill()
            for number in range(40):
                await desk.say(f"u-{number % 10}", f"firm-{number % 6}.example", float(number + 1))
            await held.read_until(lambda reader: agree(reader, desk))
            assert await asyncio.to_thread(keeper.kill, signal.SIGTERM) == 0
    finally:
        other.kill()
