"""`leadheat sync` as a process on a broker: killed again and again, nothing is lost, nobody comes to be."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy import leash
from deploy.parked import parked as parked_now
from deploy.parked import tell
from scorer.times import format_time
from scorer.topics import PROFILES, SCORES, SYNC, full_name
from tests.integration.processes import until_async
from tests.streaming import Rig, producer_to
from tests.sync.dataverse import OWN, SECRET, Dataverse
from tests.sync.standin import FastClock, serving
from tests.sync.suite import email
from tests.sync.test_dynamics import _text

pytestmark = [pytest.mark.embedded, pytest.mark.slow]

_LEADS = 60
_KILLS = 2
_FILE = """  read: {every: 1s}
  write: {language: en}
"""


def _command(rig: Rig, crm: Dataverse) -> tuple[list[str], dict[str, str]]:
    file = rig.folder / "sync.yml"
    file.write_text(_text(crm, _FILE))
    bare = {name: value for name, value in os.environ.items() if not name.startswith("LEADHEAT_")}
    settings = {
        "LEADHEAT_KAFKA": rig.bootstrap,
        "LEADHEAT_TOPIC_PREFIX": rig.prefix,
        "LEADHEAT_PARTITIONS": str(rig.partitions),
        "LEADHEAT_SESSION_TIMEOUT_S": str(rig.session_s),
        "LEADHEAT_SYNC": str(file),
        "LEADHEAT_ALLOW_PRIVATE": "127.0.0.1",
        "SECRET": SECRET,
    }
    return leash.command([sys.executable, "-m", "deploy.cli", "sync"]), {**bare, **settings}


def _start(command: list[str], environment: dict[str, str], log: Path) -> "subprocess.Popen[bytes]":
    with log.open("ab") as out:
        return subprocess.Popen(command, env=environment, stdout=out, stderr=out)


def _told(crm: Dataverse) -> int:
    return sum(row["leadheat_score"] == 50.0 for row in crm.leads.rows.values())


async def test_killed_again_and_again_it_loses_and_doubles_nothing(embedded_rig: Rig) -> None:
    rig = embedded_rig
    await rig.make_topics()
    crm = Dataverse(FastClock(speed=1.0))
    crm.columns |= OWN
    for number in range(_LEADS):
        crm.add_lead(emailaddress1=email(number))
    crm.bad = {next(iter(crm.leads.rows))}
    command, environment = _command(rig, crm)
    log = rig.folder / "sync.log"
    async with serving(crm.app(), crm.port), producer_to(rig.bootstrap) as producer:
        for number in range(_LEADS):
            now = format_time(crm.clock())
            score = {
                "lead_id": email(number),
                "score": 50.0,
                "tier": "warm",
                "as_of": now,
                "contributions": {"pricing-page": 50.0},
                "fading": [],
                "pending": [],
                "grid": "b2b-fr",
                "version": 3,
                "identities": [email(number)],
                "traits": {"email": email(number)},
            }
            await producer.send(
                full_name(rig.prefix, SCORES), json.dumps(score).encode(), key=email(number).encode()
            )
        await producer.flush()
        for _ in range(_KILLS):
            seen = len(crm.calls)
            process = _start(command, environment, log)
            try:
                await until_async(lambda seen=seen: len(crm.calls) > seen + 1)  # type: ignore[misc]
            finally:
                process.kill()
                process.wait()
        process = _start(command, environment, log)
        try:
            async with rig.read("parked") as parked:
                await until_async(lambda: _told(crm) == _LEADS - 1)
                await parked.read_until(lambda reader: bool(reader.records))
                crm.bad = set()
                given_up = await parked_now(rig.bootstrap, rig.prefix)
                await tell(rig.bootstrap, rig.prefix, given_up, "retry", crm.clock())
                await until_async(lambda: _told(crm) == _LEADS)
        finally:
            process.terminate()
            assert await asyncio.to_thread(process.wait, 30) == 0
    async with rig.read(PROFILES) as profiles, rig.read(SYNC) as rows:
        await profiles.read_until(lambda reader: len(_events(reader.records)) == _LEADS)
        await rows.read()
    told = _events(profiles.records)
    assert {event["lead_id"] for event in told.values()} == {email(number) for number in range(_LEADS)}
    [reason] = {json.loads(record.value)["reason"] for record in parked.records}
    assert "territory" in reason
    assert len(crm.leads.rows) == _LEADS
    assert crm.created == []
    assert crm.foreign == {}
    assert SECRET not in log.read_text()
    assert email(0) not in log.read_text()


def _events(records: list[object]) -> dict[str, dict[str, str]]:
    """Events by their ids: a repeat is none."""
    found = [json.loads(record.value) for record in records]  # type: ignore[attr-defined]
    return {event["id"]: event for event in found}
