"""`leadheat sync` as a process on a broker: killed again and again, nothing is lost, nobody comes to be."""

import json

import pytest

from deploy.parked import parked as parked_now
from deploy.parked import tell
from scorer.times import format_time
from scorer.topics import PROFILES, SCORES, SYNC, full_name
from tests.integration.processes import until_async
from tests.streaming import Rig, producer_to
from tests.sync.dataverse import OWN, SECRET, Dataverse
from tests.sync.process import SyncProcess
from tests.sync.standin import FastClock, serving
from tests.sync.suite import email
from tests.sync.test_dynamics import _text

pytestmark = [pytest.mark.embedded, pytest.mark.slow]

_LEADS = 60
_KILLS = 2
_FILE = """  read: {every: 1s}
  write: {language: en}
"""


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
    sync = SyncProcess(rig, _text(crm, _FILE), {"SECRET": SECRET})
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
        try:
            for _ in range(_KILLS):
                seen = len(crm.calls)
                sync.start()
                await until_async(lambda seen=seen: len(crm.calls) > seen + 1)  # type: ignore[misc]
                sync.kill()
            sync.start()
            async with rig.read("parked") as parked:
                await until_async(lambda: _told(crm) == _LEADS - 1)
                await parked.read_until(lambda reader: bool(reader.records))
                crm.bad = set()
                given_up = await parked_now(rig.bootstrap, rig.prefix)
                await tell(rig.bootstrap, rig.prefix, given_up, "retry", crm.clock())
                await until_async(lambda: _told(crm) == _LEADS)
            assert await sync.stop() == 0
        finally:
            sync.kill()
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
    assert SECRET not in sync.log.read_text()
    assert email(0) not in sync.log.read_text()


def _events(records: list[object]) -> dict[str, dict[str, str]]:
    """Events by their ids: a repeat is none."""
    found = [json.loads(record.value) for record in records]  # type: ignore[attr-defined]
    return {event["id"]: event for event in found}
