"""Somebody of whom every role keeps something is erased, and found nowhere: topics, disk, cache, logs."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from deploy.kafka.cluster import Cluster
from deploy.ports import free_ports
from deploy.privacy.topic_log import read_all
from scorer.times import format_time
from scorer.topics import (
    ACCOUNTS,
    ALERTS,
    DELIVERIES,
    FAILED,
    HANDOVER,
    NURTURING,
    OUTCOMES,
    PROFILES,
    SCORES,
    SIGNALS,
    SYNC,
    TASKS,
    full_name,
    topic_of,
)
from streams import topics
from streams.config import changelog_name
from streams.topics import PARKED
from tests.faults.erased import Commands, clean_up_at_once, eventually, grow_old, kill, on_disk
from tests.serve_live import Store, running_store
from tests.streaming import Rig, producer_to
from tests.sync import dataverse, hubspot
from tests.sync.standin import START, FastClock, serving
from tests.sync.test_dynamics import DynamicsVendor
from tests.sync.test_hubspot import HubSpotVendor

pytestmark = [pytest.mark.slow, pytest.mark.kafka]

_HER: Final = "annelise"
"""In all that names her, and in nothing else."""
_ROLES: Final = ("worker", "serve", "notify", "nurture", "accounts", "sync")
_EVERYWHERE: Final = {
    ACCOUNTS,
    ALERTS,
    DELIVERIES,
    FAILED,
    HANDOVER,
    NURTURING,
    PARKED,
    PROFILES,
    SCORES,
    SIGNALS,
    SYNC,
    TASKS,
}
_GRID: Final = """
grid: erased
version: 1
scores: {fit: {min: 0, max: 100}, engagement: {min: 0, max: 100}}
criteria:
  - {id: boss, score: fit, points: 40, lead: {title: {words: [ceo]}}}
  - {id: demo, score: engagement, points: 40, event: demo_requested}
tiers: [{id: cold}, {id: warm, from: 30}, {id: hot, from: 70}]
plays:
  - id: call-now
    when: {enters: hot}
    hours: always
    do:
      - {alert: sales}
      - {alert: nobody}
      - {assign: round-robin}
      - {task: {call: intro, within: 4h}}
      - {survey: content}
  - {id: account-hot, when: {account: {enters: hot}}, do: [{alert: sales}]}
"""
_SEQUENCES: Final = """
nurturing: erased
sender: {address: claire@leadheat.example, name: Claire, footer: LeadHeat}
hours: always
mails: {note: {subject: Une note, text: "Votre note\\n\\n{{ scale }}"}}
surveys: {content: {mail: note}}
"""


@dataclass
class _Crowd:
    """People who come one by one, and of whom everything is kept: Kafka cleans what is written to."""

    rig: Rig
    producer: Any
    number: int = 0
    stopped: bool = False

    async def run(self) -> None:
        """Until `stopped`."""
        while not self.stopped:
            self.number += 1
            await self.meet(f"other{self.number}", f"firm{self.number % 20}.example")
            await asyncio.sleep(0.1)

    async def meet(self, name: str, firm: str) -> None:
        """Known by a former id, seen by a browser, named, hot; and a form that sends what is broken."""
        lead, traits = f"u-{name}", {"email": f"{name}@{firm}", "title": "CEO", "phone": f"+33 6 {name}"}
        await self.send(type="page_view", lead_id=f"v-{name}")
        await self.send(type="download", anonymous_id=f"a-{name}")
        await self.send(type="identify", lead_id=lead, anonymous_id=f"a-{name}", traits=traits)
        await self.send(type="alias", lead_id=lead, properties={"previous_id": f"v-{name}"})
        await self.send(type="demo_requested", lead_id=lead)
        broken = f'{{"email": "{name}@{firm}"'.encode()
        await self.producer.send(full_name(self.rig.prefix, PROFILES), broken, key=lead.encode())

    async def send(self, **event: Any) -> None:
        """An event, happening now."""
        now = time.time_ns() // 1_000_000
        key = str(event.get("lead_id") or event["anonymous_id"])
        told = {"id": f"e-{now}-{event['type']}-{key}", "time": format_time(now * 1_000), **event}
        topic = full_name(self.rig.prefix, topic_of(event["type"]))
        await self.producer.send(topic, json.dumps(told).encode(), key=key.encode(), timestamp_ms=now)


class _Crms:
    """One refuses any word of her, which is parked; the other does not know her, so that her task waits."""

    def __init__(self) -> None:
        clock = FastClock(speed=1.0)
        clock.ahead = time.time_ns() // 1_000 - START
        self.dynamics, self.hubspot = dataverse.Dataverse(clock), hubspot.HubSpot(clock)
        self.dynamics.columns |= dataverse.OWN
        self.hubspot.properties |= hubspot.OWN
        self.hers = self.dynamics.add_lead(
            emailaddress1=f"{_HER}@acme.example", jobtitle="CEO", leadheat_leadid=f"u-{_HER}"
        )
        self.dynamics.bad = {self.hers}
        self._here, self._away = DynamicsVendor(self.dynamics), HubSpotVendor(self.hubspot)

    def file(self) -> str:
        """The sync file."""
        here = self._here.text().replace("env: SECRET", "env: DYNAMICS_SECRET").replace("5s", "1s")
        return here + self._away.text("  direction: write\n")

    def settings(self) -> dict[str, str]:
        """What the file names of the environment."""
        return {"DYNAMICS_SECRET": dataverse.SECRET, **self._away.environment}


@pytest.fixture
async def crms() -> AsyncIterator[_Crms]:
    made = _Crms()
    async with (
        serving(made.dynamics.app(), made.dynamics.port),
        serving(made.hubspot.app(), made.hubspot.port),
    ):
        yield made


def _settings(folder: Path, crms: _Crms) -> dict[str, str]:
    """What the roles are told: a receiver and a mail server that are away, so that what is due waits."""
    away, nobody = free_ports(2)
    files = {
        "GRID": _GRID,
        "CHANNELS": f"sales: [{{webhook: 'http://127.0.0.1:{away}/', secret: whsec_{'A' * 32}}}]\n",
        "TEAM": "people: {claire: {}}\n",
        "SEQUENCES": _SEQUENCES,
        "SYNC": crms.file(),
    }
    for name, text in files.items():
        (folder / f"{name}.yml").write_text(text)
    return {
        **{f"LEADHEAT_{name}": str(folder / f"{name}.yml") for name in files},
        **crms.settings(),
        "LEADHEAT_ALLOW_PRIVATE": "127.0.0.1",
        "LEADHEAT_SMTP": f"smtp+plain://127.0.0.1:{nobody}",
        "LEADHEAT_LINK_KEY": "what links are signed with in this test",
        "LEADHEAT_GATEWAY_URL": "https://go.leadheat.example",
        "LEADHEAT_SESSION_TIMEOUT_S": "6",
    }


async def _holding(rig: Rig) -> dict[str, list[bytes]]:
    """The topics in which she is, by their short names, and the records."""
    found: dict[str, list[bytes]] = {}
    for one in topics.required(rig.prefix):
        async for record in read_all(rig.bootstrap, one.name):
            parts = (record.key or b"", record.value or b"", *(value for _, value in record.headers))
            if any(_HER.encode() in part for part in parts):
                found.setdefault(one.name.removeprefix(f"{rig.prefix}."), []).append(b" ".join(parts))
    return found


def _cached(store: Store) -> list[str]:
    """The keys of Redis that bear or hold her name."""
    client = store.client()
    look: dict[str, Callable[[Any], Any]] = {
        "string": client.get,
        "hash": client.hgetall,
        "list": lambda key: client.lrange(key, 0, -1),
        "set": client.smembers,
        "zset": lambda key: client.zrange(key, 0, -1),
        "stream": client.xrange,
    }
    kinds = {key: client.type(key) for key in client.scan_iter(count=1_000)}
    held = {key: look[kind](key) for key, kind in kinds.items() if kind != "none"}  # some end meanwhile
    return [key for key, value in held.items() if _HER in f"{key} {value}"]


async def _lacking(rig: Rig, store: Store) -> Any:
    """What is not yet kept of her."""
    held = await _holding(rig)

    def there(topic: str, *marks: bytes) -> bool:
        return any(all(mark in one for mark in marks) for one in held.get(topic, ()))

    kept = {
        "her task in a CRM waits": there(SYNC, b'"type":"task"', b'"hubspot"'),
        "her record in a CRM was read": there(SYNC, b'"type":"record"'),
        "parked by sync": there(PARKED, b'"channel":"sync"'),
        "parked by notify": there(PARKED, b'"nobody"'),
        "a mail waits": there(NURTURING, b'"outgoing"'),
        "a delivery waits": there(DELIVERIES, b'"alert"'),
        "assigned": there(TASKS, b'"row":"assigned"'),
        "in the cache": bool(_cached(store)),
    }
    states = changelog_name(rig.prefix).removeprefix(f"{rig.prefix}.")
    return [*(_EVERYWHERE | {states}) - held.keys(), *(what for what, there in kept.items() if not there)]


def _alive(running: dict[str, Any], logs: dict[str, Path]) -> None:
    """AssertionError where a role has ended by itself."""
    for role, process in running.items():
        assert process.poll() is None, (role, logs[role].read_text()[-3000:])


async def _not_answered(rig: Rig) -> bool:
    """Whether what sales and she herself said since is still to arrive."""
    held = await _holding(rig)
    rejected = any(b'"rejected"' in one for one in held.get(OUTCOMES, ()))
    return not (rejected and any(b'"suppressed"' in one for one in held[NURTURING]))


async def test_every_role_s_rows_of_a_person_are_found_nowhere_afterwards(
    quick_kafka: Cluster, crms: _Crms, tmp_path: Path
) -> None:
    rig = Rig(quick_kafka.bootstrap, session_s=6.0, folder=tmp_path)
    await rig.make_topics()
    await clean_up_at_once(rig)
    every = topics.required(rig.prefix)
    store_folder = tmp_path / "store"
    store_folder.mkdir()
    logs = {role: tmp_path / f"{role}.txt" for role in _ROLES}
    with ExitStack() as ends:
        store = ends.enter_context(running_store(store_folder))
        leadheat = Commands(rig, store)
        leadheat.environment |= _settings(tmp_path, crms)
        running: dict[str, Any] = {}
        ends.callback(lambda: [kill(process) for process in running.values()])

        def begin() -> None:
            running.update({role: leadheat.process(logs[role], role) for role in _ROLES})

        begin()
        async with producer_to(rig.bootstrap) as producer:
            crowd = _Crowd(rig, producer)
            await crowd.meet(_HER, "acme.example")
            coming = asyncio.create_task(crowd.run())

            await eventually(lambda: _lacking(rig, store), logs["sync"])
            await crowd.send(type="unsubscribe", lead_id=f"u-{_HER}")
            crms.dynamics.edit(crms.hers, statuscode=4)
            await eventually(lambda: _not_answered(rig), logs["sync"])
            status, receipt, said = await leadheat.run("erase", f"u-{_HER}", "--raw", "now", "--yes")
            assert (status, receipt["complete"]) == (0, True), (receipt["places"], said)
            removed = {place["place"]: place["removed"] for place in receipt["places"]}
            for topic in (TASKS, NURTURING, SYNC, DELIVERIES, PARKED, ALERTS, FAILED):
                assert removed[full_name(rig.prefix, topic)], (topic, removed)
            (tmp_path / "receipt.json").write_text(json.dumps(receipt))

            crms.dynamics.edit(crms.hers, jobtitle="DG")  # the CRM's record is the CRM's, and is read on
            for process in running.values():
                kill(process)
            store.client().flushall()
            begin()
            names, compacted = [_HER.encode()], [one.name for one in every if one.policy == "compact"]
            arrived = crowd.number

            async def in_compacted() -> Any:
                _alive(running, logs)
                return on_disk(quick_kafka, names, compacted) or crowd.number < arrived + 50

            await eventually(in_compacted, logs["sync"])  # while they are written to
            crowd.stopped = True
            await coming
            await producer.flush()
            seen = len(crms.dynamics.calls)

            async def not_read() -> bool:
                return len(crms.dynamics.calls) < seen + 4

            await eventually(not_read, logs["sync"])
            await grow_old(rig)

            async def found() -> Any:
                if files := on_disk(quick_kafka, names, [one.name for one in every]):
                    return files
                told = [part for log in logs.values() for part in ("--log", str(log))]
                receipt_file = str(tmp_path / "receipt.json")
                status, searched, said = await leadheat.run("erase", "--verify", receipt_file, *told)
                return status and (searched, said)

            await eventually(found, logs["sync"])
            assert await _holding(rig) == {}
            assert _cached(store) == []
            assert [role for role in _ROLES if _HER in logs[role].read_text()] == []
            assert crms.dynamics.leads.rows[crms.hers]["jobtitle"] == "DG"
