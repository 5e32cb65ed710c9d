"""`leadheat suppressed` on a broker, beside the role: what it lists, what it lifts and what it refuses to."""

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from connectors.nurture.suppression import SUPPRESSED
from deploy.cli import app
from scorer.blocks import Hasher
from scorer.erasure import Notice
from scorer.times import format_time
from scorer.topics import EMAIL_CLICKS, ERASURES, NURTURING, full_name
from tests.integration.processes import until_async
from tests.integration.test_nurture_role import Role, send
from tests.nurture_world import MONDAY, alert, event, mail_server, score
from tests.streaming import Rig, TopicReader, producer_to

pytestmark = [pytest.mark.embedded, pytest.mark.slow]

START = [{"nurture": "keep-warm"}]
WHO = ("--by", "claire", "--reason", "asked on the phone")


async def leadheat(*arguments: str) -> tuple[int, str]:
    """Runs the command: status, and what it printed or why it failed."""
    result = await asyncio.to_thread(CliRunner().invoke, app, ["suppressed", *arguments])
    return result.exit_code, result.output if result.exception is None else str(result.exception)


async def listed() -> dict[str, dict[str, Any]]:
    """What keeps mails from whom, by address, or hash."""
    status, told = await leadheat("list", "--json")
    assert status == 0, told
    found = [json.loads(line) for line in told.splitlines()]
    return {one["address"] or one["hash"]: one for one in found}


async def lift(*arguments: str) -> str:
    """What is said where nothing is lifted; else nothing."""
    status, said = await leadheat("lift", *arguments, *WHO)
    return said if status else ""


async def erased(rig: Rig, lead: str) -> None:
    """As the worker tells of it."""
    notice = msgspec.json.encode(Notice(format_time(MONDAY)))
    async with producer_to(rig.bootstrap) as producer:
        hashed = Hasher(b"").hash(lead).hex().encode()
        await producer.send_and_wait(full_name(rig.prefix, ERASURES), notice, key=hashed)


def held(reader: TopicReader, beginning: str = "") -> set[str]:
    """Keys of the rows that there are."""
    last = {record.key.decode(): record.value for record in reader.records}
    found = {key for key, value in last.items() if value is not None}
    return {key for key in found if key.startswith(beginning or "u-")}


async def test_who_gets_no_mail_is_listed_and_lifted_but_for_complaints_and_erasures(
    embedded_rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = embedded_rig
    monkeypatch.setenv("LEADHEAT_KAFKA", rig.bootstrap)
    monkeypatch.setenv("LEADHEAT_TOPIC_PREFIX", rig.prefix)
    await rig.make_topics()
    async with mail_server() as server, rig.read(NURTURING) as rows:
        role = Role(rig, server, tmp_path)
        role.start()
        try:
            gone, spam = {"email": "anne@acme.example"}, {"email": "paul@acme.example"}
            await send(rig, [alert("u-1", MONDAY, START), alert("u-2", MONDAY, START, traits=spam)])
            await send(rig, [alert("u-3", MONDAY, START, traits=gone)])
            await rows.read_until(lambda now: len(held(now)) == 3)
            await send(rig, [event("unsubscribe", lead, MONDAY) for lead in ("u-1", "u-3")])
            await send(rig, [event("email_complaint", "u-2", MONDAY)])
            await rows.read_until(lambda now: len(held(now, SUPPRESSED)) == 3)
            found = {name: (one["why"], one["leads"]) for name, one in (await listed()).items()}
            assert found == {
                "u-1@u-1.example": ("unsubscribed", ["u-1"]),
                "paul@acme.example": ("complained", ["u-2"]),
                "anne@acme.example": ("unsubscribed", ["u-3"]),
            }
            await erased(rig, "u-3")
            await rows.read_until(lambda now: "u-3" not in held(now))
            [nobodys] = [one for one in (await listed()).values() if one["address"] is None]
            assert nobodys["erased"] is True

            assert "nothing keeps mails from u-9" in await lift("u-9")
            assert "with --complained only" in await lift("u-1", "paul@acme.example")
            assert "with --erased only" in await lift("Anne@acme.example")
            assert "no lead has the address" in await lift("anne@acme.example", "--erased")
            assert len(await listed()) == 3, "all or none"

            await send(rig, [score("u-4", MONDAY, traits=gone)])
            assert await lift("u-1", "anne@acme.example", "--erased") == ""
            await rows.read_until(lambda now: len(held(now, SUPPRESSED)) == 1)
            assert await lift("u-2", "--complained") == ""
            await rows.read_until(lambda now: not held(now, SUPPRESSED))
            assert await listed() == {}
            mails = len(server.inbox.mails)
            await send(rig, [alert("u-4", MONDAY, START, traits=gone)])
            await until_async(lambda: bool(server.inbox.to("anne@acme.example")[mails:]))
        finally:
            role.kill()
        async with rig.read(EMAIL_CLICKS) as events:
            await events.read()
    told = [json.loads(record.value) for record in events.records]
    orders = [one for one in told if one["type"] == "email_allowed"]
    assert {one["lead_id"] for one in orders} == {"u-1", "u-2", "u-4"}
    assert {(one["properties"]["by"], one["properties"]["reason"]) for one in orders} == {
        ("claire", "asked on the phone")
    }
