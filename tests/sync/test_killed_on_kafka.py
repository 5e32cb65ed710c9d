"""`leadheat sync` on a real Kafka, killed while five CRMs are told and read: nothing is lost or doubled.

LEADHEAT_SYNC_KILLS says how often in each of two halves, the first readings and people's changes; from
outside, and from inside just before or after a step, where most of what could go wrong does.
"""

import asyncio
import json
import os
import random
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from deploy.kafka.cluster import Cluster
from scorer.times import Micros, format_time
from scorer.topics import OUTCOMES, PAGE_VIEWS, PROFILES, full_name
from tests.kafka_real import SESSION_S
from tests.streaming import Rig, TopicReader, producer_to
from tests.sync import dataverse, hubspot, marketo, salesforce
from tests.sync.process import SyncProcess
from tests.sync.sagecrm import SageCrm
from tests.sync.standin import START, FastClock, serving
from tests.sync.suite import Vendor, email
from tests.sync.test_dynamics import DynamicsVendor
from tests.sync.test_hubspot import HubSpotVendor
from tests.sync.test_marketo import MarketoVendor
from tests.sync.test_sagecrm import SageCrmVendor
from tests.sync.test_salesforce import SalesforceVendor

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

_KILLS: Final = int(os.environ.get("LEADHEAT_SYNC_KILLS", "2"))
_LEADS: Final = 20 + 10 * _KILLS
_MOMENTS: Final = 100
"""Up to where a life may come that ends between two steps."""
_WITHIN_S: Final = 120.0
_WITH_TASKS: Final = {"dynamics", "hubspot", "salesforce"}
_POINTS: Final = {"CEO": 40.0, "DG": 60.0, "DSI": 80.0}
_VISIT: Final = 10.0
_GRID: Final = f"""
grid: killed
version: 1
scores: {{fit: {{min: 0, max: 1000}}, engagement: {{min: 0, max: 1000}}}}
criteria:
  - {{id: ceo, score: fit, points: {_POINTS["CEO"]}, lead: {{title: CEO}}}}
  - {{id: dg, score: fit, points: {_POINTS["DG"]}, lead: {{title: DG}}}}
  - {{id: dsi, score: fit, points: {_POINTS["DSI"]}, lead: {{title: DSI}}}}
  - {{id: visit, score: engagement, points: {_VISIT}, event: page_view}}
tiers: [{{id: cold}}, {{id: warm, from: 30}}, {{id: hot, from: 70}}]
plays:
  - {{id: call-now, when: {{enters: hot}}, hours: always, do: [{{task: call}}]}}
"""


class _Town:
    """Five CRMs that know the same people, what was done there, and what has to come of it."""

    def __init__(self, vendors: list[Vendor]) -> None:
        self.vendors = vendors
        self.ids = {vendor.name: vendor.people(_LEADS) for vendor in vendors}
        self.titles = ["CEO"] * _LEADS
        self.visits = [0] * _LEADS
        self.changed: set[int] = set()
        self.known = {vendor.name: set(vendor.theirs()) for vendor in vendors}

    def home(self, number: int) -> Vendor:
        """The CRM in which somebody works on a lead."""
        return self.vendors[number % len(self.vendors)]

    def promote(self, number: int, title: str) -> None:
        """There, somebody changes the title, and rejects the lead."""
        self.home(number).promote(self.ids[self.home(number).name][number], title)
        self.titles[number] = title
        self.changed.add(number)

    def scores(self) -> list[float]:
        """By the grid."""
        return [_POINTS[title] + _VISIT * seen for title, seen in zip(self.titles, self.visits, strict=True)]

    def wrong(self) -> list[str]:
        """The CRMs that say other scores, or have not the one task for each hot lead."""
        wanted = self.scores()
        hot = [number for number, score in enumerate(wanted) if score >= 70]
        found = []
        for vendor in self.vendors:
            ids = self.ids[vendor.name]
            if vendor.scored() != dict(zip(ids, wanted, strict=True)):
                found.append(f"{vendor.name}'s scores")
            tasked = Counter(record for _, record in vendor.tasks())
            if vendor.name in _WITH_TASKS and tasked != Counter(ids[number] for number in hot):
                found.append(f"{vendor.name}'s tasks")
        return found


class _Told:
    """What sync has passed on: each event once, whatever it was published twice."""

    def __init__(self, *readers: TopicReader) -> None:
        self._readers = readers

    async def events(self) -> list[dict[str, Any]]:
        """By all that has come up to now."""
        found: dict[str, dict[str, Any]] = {}
        for reader in self._readers:
            for record in (await reader.read()).records:
                event = json.loads(record.value)
                found.setdefault(event["id"], event)
        return list(found.values())

    async def counts(self, type_: str) -> Counter[tuple[str, str]]:
        """How many by CRM and lead."""
        return Counter(
            (event["context"]["channel"], event["lead_id"])
            for event in await self.events()
            if event["type"] == type_
        )


@pytest.fixture
async def town() -> AsyncIterator[_Town]:
    """All CRMs, at the time of day that sync has."""
    clock = FastClock(speed=1.0)
    clock.ahead = time.time_ns() // 1_000 - START
    dynamics, contacts, force = (
        dataverse.Dataverse(clock),
        hubspot.HubSpot(clock),
        salesforce.Salesforce(clock),
    )
    people = marketo.Marketo(clock)
    dynamics.columns |= dataverse.OWN
    contacts.properties |= hubspot.OWN
    force.fields |= salesforce.OWN
    people.fields |= marketo.OWN
    vendors: list[Vendor] = [
        DynamicsVendor(dynamics),
        HubSpotVendor(contacts),
        SalesforceVendor(force),
        MarketoVendor(people),
        SageCrmVendor(SageCrm(clock)),
    ]
    async with AsyncExitStack() as stack:
        for vendor in vendors:
            await stack.enter_async_context(serving(vendor.crm.app(), vendor.crm.port))
        yield _Town(vendors)


@contextmanager
def _sync(rig: Rig, town: _Town) -> Iterator[SyncProcess]:
    """One process for all CRMs, each read every second; secrets by names of their own."""
    text, secrets = "", {}
    for vendor in town.vendors:
        own = {name: f"{vendor.name}_{name}".upper() for name in vendor.environment}
        secrets |= {own[name]: value for name, value in vendor.environment.items()}
        told = re.sub(r"every: \d+s", "every: 1s", vendor.text())
        text += re.sub(r"env: (\w+)", lambda found, own=own: f"env: {own[found[1]]}", told)  # type: ignore[misc]
    sync = SyncProcess(rig, text, secrets, {"LEADHEAT_GRID": str(rig.folder / "grid.yml")})
    try:
        yield sync
    finally:
        sync.kill()


async def _until(holds: Callable[[], Awaitable[Any]], sync: SyncProcess) -> None:
    """Returns once nothing is found to be missing."""
    deadline = time.monotonic() + _WITHIN_S * max(1.0, _LEADS / 40)
    while missing := await holds():
        assert sync.running(), sync.log.read_text()[-3000:]
        assert time.monotonic() < deadline, (missing, sync.log.read_text()[-3000:])
        await asyncio.sleep(0.1)


async def _killed(sync: SyncProcess, town: _Town, pick: random.Random) -> None:
    """Its life ends near one of its next calls to one of the CRMs."""
    calls = pick.choice(town.vendors).crm.calls
    enough = len(calls) + pick.choice([1, 2, 3, 5, 8, 13, 21])

    async def short() -> bool:
        return len(calls) < enough

    await _until(short, sync)
    await asyncio.sleep(pick.uniform(0, 0.1))
    sync.kill()


async def test_killed_while_leads_go_both_ways_five_crms_are_right(
    real_kafka: Cluster, town: _Town, tmp_path: Path
) -> None:
    """Scores and tasks go out, people's changes come in, each as one event, and then all is quiet."""
    rig = Rig(real_kafka.bootstrap, SESSION_S, tmp_path)
    await rig.make_topics()
    grid = tmp_path / "grid.yml"
    grid.write_text(_GRID)
    pick = random.Random(_KILLS)
    worker = rig.worker("--score", grid=grid)
    worker.start()
    try:
        with _sync(rig, town) as sync:
            async with rig.read(PROFILES) as profiles, rig.read(OUTCOMES) as outcomes:
                told = _Told(profiles, outcomes)
                for _ in range(_KILLS):
                    sync.start(dies_at=pick.randint(1, _MOMENTS))
                    await sync.died()
                sync.start()
                await _until(lambda: _missing(town, told), sync)
                twice = await _changed_and_killed(rig, town, sync, pick)
                await _until(lambda: _missing(town, told), sync)
                await _quiet(town, told, sync)
                await _each_once(town, told, twice)
            assert await sync.stop() == 0
    finally:
        worker.end()
    log = sync.log.read_text()
    assert not any(secret in log for secret in sync.secrets.values())
    assert "@acme.example" not in log


async def _changed_and_killed(rig: Rig, town: _Town, sync: SyncProcess, pick: random.Random) -> set[int]:
    """People change records and visit pages while sync goes on, is killed, and is away; who changed twice."""
    twice = set()
    async with producer_to(rig.bootstrap) as producer:
        for round_ in range(_KILLS):
            among = list(range(_LEADS))[round_::_KILLS]
            for number in among[: len(among) // 2]:
                town.promote(number, "DG")
            for number in among[len(among) // 3 :]:
                await _visit(rig, producer, town, number)
            await (sync.died() if round_ else _killed(sync, town, pick))
            again = among[: len(among) // 4]
            twice.update(again)
            for number in again:
                town.promote(number, "DSI")
            for number in among[:3]:
                await _visit(rig, producer, town, number)
            sync.start(pick.randint(1, _MOMENTS) if round_ < _KILLS - 1 else None)
    return twice


async def _visit(rig: Rig, producer: Any, town: _Town, number: int) -> None:
    town.visits[number] += 1
    event = {
        "id": f"visit-{number}-{town.visits[number]}",
        "type": "page_view",
        "lead_id": email(number),
        "time": format_time(Micros(time.time_ns() // 1_000)),
    }
    topic = full_name(rig.prefix, PAGE_VIEWS)
    await producer.send_and_wait(topic, json.dumps(event).encode(), key=email(number).encode())


async def _missing(town: _Town, told: _Told) -> list[str]:
    """What has yet to come."""
    missing = town.wrong()
    identified = await told.counts("identify")
    outcomes = await told.counts("outcome")
    if len(identified) != _LEADS * len(town.vendors):
        missing.append(f"{len(identified)} records read")
    if outcomes.total() < len(town.changed):
        missing.append(f"{outcomes.total()} outcomes")
    return missing


async def _quiet(town: _Town, told: _Told, sync: SyncProcess) -> None:
    """All CRMs are read some more: nothing is written, nothing passed on."""

    async def rounds() -> None:
        before = [len(vendor.crm.calls) for vendor in town.vendors]

        async def short() -> bool:
            return any(
                len(vendor.crm.calls) < seen + 4 for vendor, seen in zip(town.vendors, before, strict=True)
            )

        await _until(short, sync)

    await rounds()
    seen, written = len(await told.events()), [vendor.writes() for vendor in town.vendors]
    await rounds()
    assert len(await told.events()) == seen
    assert [vendor.writes() for vendor in town.vendors] == written, "a loop"


async def _each_once(town: _Town, told: _Told, twice: set[int]) -> None:
    """Every record is one event, every change of people's one more, every rejection one."""
    assert town.wrong() == []
    identified = await told.counts("identify")
    for vendor in town.vendors:
        for number in range(_LEADS):
            home = town.home(number) is vendor
            expected = {1} if number not in town.changed or not home else {2, 3} if number in twice else {2}
            seen = identified.pop((vendor.name, email(number)))
            assert seen in expected, (vendor.name, number, seen)
        assert vendor.crm.created == []
        assert vendor.crm.foreign == {}
        assert set(vendor.theirs()) == town.known[vendor.name]
    assert identified == {}
    outcomes = await told.counts("outcome")
    assert outcomes == {(town.home(number).name, email(number)): 1 for number in town.changed}
    assert {event["type"] for event in await told.events()} == {"identify", "outcome"}
