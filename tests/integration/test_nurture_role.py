"""The role on a broker: killed between a mail and its row, erased leads, many leads over four weeks."""

import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from connectors.nurture.row import read
from connectors.nurture.suppression import SUPPRESSED
from deploy import leash
from deploy.privacy.topic_log import rows_of
from scorer.blocks import Hasher
from scorer.erasure import Notice
from scorer.times import DAY, format_time
from scorer.topics import EMAIL_CLICKS, ERASURES, NURTURING, full_name
from tests.integration.processes import until_async
from tests.nurture_play import play
from tests.nurture_world import MONDAY, PLAN, MailServer, Record, alert, event, mail_server
from tests.streaming import Rig, producer_to

ROOT = Path(__file__).parents[2]
SOON = PLAN.replace("wait: 3d", "wait: 1s").replace("wait: 10d", "wait: 1s").replace("2 a week", "9 a week")
LEADS = [f"u-{number}" for number in range(6)]


class Role:
    """The role in a process that can be killed."""

    def __init__(self, rig: Rig, server: MailServer, folder: Path) -> None:
        plan = folder / "sequences.yml"
        plan.write_text(SOON)
        module = "tests.integration.nurture_process"
        told = [rig.bootstrap, rig.prefix, server.port, plan, rig.session_s, time.time()]
        self._command = [sys.executable, "-m", module, *map(str, told)]
        self.log = folder / "nurture.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(leash.command(self._command), stdout=log, stderr=log, cwd=ROOT)

    def kill(self) -> None:
        """Ends it as a crash of the machine would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None


async def send(rig: Rig, records: list[Record]) -> None:
    async with producer_to(rig.bootstrap) as producer:
        for one in records:
            topic = one.topic.replace("leadheat", rig.prefix)
            await producer.send(topic, one.value, key=one.key, timestamp_ms=one.timestamp)
        await producer.flush()


async def test_killed_between_a_mail_and_its_row_it_repeats_the_id_and_loses_nothing(
    rig: Rig, tmp_path: Path
) -> None:
    await rig.make_topics()
    async with mail_server() as server:
        role = Role(rig, server, tmp_path)
        deaths = {4}

        def die() -> None:
            """The server has the mail, and nobody has been told."""
            if len(server.inbox.mails) in deaths:
                role.kill()

        server.inbox.on_data = die
        await send(rig, [alert(lead, MONDAY, [{"nurture": "keep-warm"}]) for lead in LEADS])
        role.start()
        try:
            for _ in deaths:
                await until_async(lambda: not role.alive)
                role.start()
            await until_async(lambda: _distinct(server) == 3 * len(LEADS))
            await until_async(lambda: role.alive)
        finally:
            role.kill()
        ids = Counter(str(mail["Message-ID"]) for _, mail in server.inbox.mails)
        assert len(ids) == 3 * len(LEADS)
        repeated = [message for message, count in ids.items() if count > 1]
        assert len(repeated) >= len(deaths)
        for lead in LEADS:
            subjects = {
                str(mail["Message-ID"]): str(mail["Subject"]) for mail in server.inbox.to(_address(lead))
            }
            assert sorted(subjects.values()) == ["Au revoir", "Bonjour", "Bonjour"]
        async with rig.read(EMAIL_CLICKS) as reader:
            await reader.read_until(lambda found: len(_ids(found.records)) >= 3 * len(LEADS) - 1)


async def test_at_the_first_start_what_was_said_since_is_heard_before_anything_is_sent(
    rig: Rig, tmp_path: Path
) -> None:
    await rig.make_topics()
    async with mail_server() as server:
        early = [alert(lead, MONDAY - DAY, [{"nurture": "keep-warm"}]) for lead in LEADS]
        others = [event("email_open", f"x-{n}", MONDAY - DAY // 2 + n) for n in range(3_000)]
        leaves = [event("unsubscribe", lead, MONDAY - DAY // 4) for lead in LEADS[1:]]
        await send(rig, [*early, *others, *leaves])
        role = Role(rig, server, tmp_path)
        role.start()
        try:
            await until_async(lambda: _distinct(server) == 3)
        finally:
            role.kill()
        assert {to for to, _ in server.inbox.mails} == {_address(LEADS[0])}


async def test_an_erased_leads_row_goes_and_its_addresss_hash_stays(rig: Rig, tmp_path: Path) -> None:
    await rig.make_topics()
    async with mail_server() as server:
        role = Role(rig, server, tmp_path)
        role.start()
        try:
            await send(rig, [alert("u-0", MONDAY, [{"nurture": "keep-warm"}])])
            async with rig.read(NURTURING) as reader:
                await reader.read_until(lambda found: "u-0" in _rows(found.records))
                rows = await rows_of(rig.bootstrap, full_name(rig.prefix, NURTURING), {"u-0", "u-1"})
                [held] = rows.values()
                assert held["lead"] == "u-0"
                await send(rig, [event("unsubscribe", "u-0", MONDAY)])
                await reader.read_until(
                    lambda found: any(key.startswith(SUPPRESSED) for key in _rows(found.records))
                )
                notice = msgspec.json.encode(Notice(format_time(MONDAY)))
                async with producer_to(rig.bootstrap) as producer:
                    hashed = Hasher(b"").hash("u-0").hex().encode()
                    await producer.send_and_wait(full_name(rig.prefix, ERASURES), notice, key=hashed)
                await reader.read_until(lambda found: "u-0" not in _rows(found.records))
                assert await rows_of(rig.bootstrap, full_name(rig.prefix, NURTURING), {"u-0"}) == {}
                [left] = [key for key in _rows(reader.records) if not key.startswith("\0owner")]
                assert left.startswith(SUPPRESSED)
        finally:
            role.kill()


async def test_four_weeks_for_a_hundred_leads() -> None:
    played = await play(100)
    rows = [read(value) for key, value in played.here.table.held[0].items() if not key.startswith(SUPPRESSED)]
    why = Counter(run.why for row in rows for run in row.runs.values())
    assert {"end", "tier hot", "unsubscribed", "bounced", "taken by sales", "demo_requested"} <= set(why)
    assert played.left_at
    assert played.after_leaving == []
    messages = [message for _, message, _ in played.mails]
    assert len(messages) == len(set(messages)) > 200
    for row in rows:
        times = sorted(one.at for one in row.sent if one.fate == "sent")
        assert all(late - early >= 7 * 86_400_000_000 for early, late in zip(times, times[2:], strict=False))


def _distinct(server: MailServer) -> int:
    return len({str(mail["Message-ID"]) for _, mail in server.inbox.mails})


def _address(lead: str) -> str:
    return f"{lead}@{lead}.example"


def _ids(records: list[Any]) -> set[str]:
    return {msgspec.json.decode(one.value)["id"] for one in records}


def _rows(records: list[Any]) -> dict[str, bytes]:
    rows = {one.key.decode(): one.value for one in records}
    return {key: value for key, value in rows.items() if value is not None}
