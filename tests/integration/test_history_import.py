"""`leadheat import`: history on a running worker is scored as the file, once, and rings nobody."""

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from connectors.ingest.config import GatewayConfig
from deploy import settings
from deploy.history import taken_down
from deploy.history.archive import Archive
from deploy.history.formats import reading
from deploy.history.importing import Importing
from deploy.history.records import Stamp
from scorer.files import read_lines, score_lines
from scorer.grid import load_grid
from scorer.plan import Plan
from scorer.silence import SILENT, silent_until
from scorer.times import DAY, SECOND, Micros, format_time
from scorer.topics import ALERTS, IN_TOPICS, PAGE_VIEWS, SCORES, full_name
from tests.streaming import Rig, TopicReader, producer_to

pytestmark = pytest.mark.embedded

GRID = """
grid: quick
version: 1
timezone: UTC
scores: {engagement: {min: 0, max: 100}}
half_life: 20d
criteria:
  - {id: view, score: engagement, points: 10, event: page_view}
tiers:
  - {id: cold}
  - {id: warm, from: 30}
plays:
  - {id: warmed, when: {enters: warm}, do: [{alert: sales}]}
  - {id: cooled, when: {leaves: warm}, do: [{alert: sales}]}
  - {id: asleep, when: {stays: cold, for: 3d}, do: [{alert: sales}]}
"""


def views(now: int, days: int, leads: int) -> list[dict[str, Any]]:
    """A view a day of each lead, half of whom are known at their last one only."""
    told: list[dict[str, Any]] = []
    for day in range(days, 0, -1):
        for lead in range(leads):
            when = format_time(Micros(now - day * DAY + lead * SECOND))
            who = {"lead_id": f"u-{lead}"} if lead % 2 else {"anonymous_id": f"a-{lead}"}
            told.append({"type": "page_view", "time": when} | who)
            if day == 1 and not lead % 2:
                told.append({"type": "identify", "time": when, "lead_id": f"u-{lead}"} | who)
    return told


def command(rig: Rig, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "LEADHEAT_TOPIC_PREFIX": rig.prefix,
        "LEADHEAT_PARTITIONS": str(rig.partitions),
        "PATH": "",
    }
    return subprocess.run(
        [sys.executable, "-m", "deploy", "import", "--kafka", rig.bootstrap, *arguments],
        capture_output=True,
        text=True,
        env=environment | {"COLUMNS": "100"},
    )


async def published(rig: Rig, count: int) -> list[Any]:
    found: list[Any] = []
    for topic in IN_TOPICS:
        async with rig.read(topic) as read:
            await read.read()
            await read.read()
            found += read.records
    assert len(found) >= count
    return found


def tiers(read: TopicReader) -> dict[str, str]:
    latest = {record.key.decode(): record.value for record in read.records}
    return {lead: json.loads(value)["tier"] for lead, value in latest.items() if value}


async def test_history_is_scored_as_the_file_and_rings_nobody(embedded_rig: Rig, tmp_path: Path) -> None:
    rig = embedded_rig
    grid, archive = tmp_path / "grid.yml", tmp_path / "history.jsonl"
    grid.write_text(GRID)
    now = settings.wall_clock()
    archive.write_text("\n".join(map(json.dumps, views(now, 40, 6))))
    expected = {
        one["lead_id"]: one["tier"]
        for one in score_lines(read_lines([archive]), Plan(load_grid(grid)), now + SECOND)
    }
    assert expected == {f"u-{lead}": "warm" for lead in range(6)}
    await rig.make_topics()
    worker = rig.worker("--score", grid=grid)
    worker.start()
    try:
        async with (
            producer_to(rig.bootstrap) as producer,
            rig.read(ALERTS) as alerts,
            rig.read(SCORES) as scores,
        ):
            done = await asyncio.to_thread(command, rig, str(archive))
            assert (done.returncode, done.stderr) == (0, "")
            assert [line.split() for line in done.stdout.splitlines() if line.startswith(" page_view")] == [
                ["page_view", "240"]
            ]
            await scores.read_until(lambda read: tiers(read) == expected)
            again = await asyncio.to_thread(command, rig, str(archive.rename(tmp_path / "renamed")))
            assert "rows imported before" in again.stdout
            topic = full_name(rig.prefix, PAGE_VIEWS)
            for _ in range(4):
                view = json.dumps({"type": "page_view", "lead_id": "u-new"}).encode()
                stamp = time.time_ns() // 1_000_000
                await producer.send_and_wait(topic, view, key=b"u-new", timestamp_ms=stamp)
            await alerts.read_until(lambda read: len(read.records) > 0)
            assert [(record.key, json.loads(record.value)["play"]) for record in alerts.records] == [
                (b"u-new", "warmed")
            ]
        assert len(await published(rig, 247)) == 247
    finally:
        worker.end()


async def test_an_import_that_was_cut_off_goes_on_where_it_was(
    embedded_rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = embedded_rig
    await rig.make_topics()
    archive = tmp_path / "history.jsonl"
    now = settings.wall_clock()
    lines = [json.dumps(one) for one in views(now, 100, 20)]
    lines[3] = "nothing"
    archive.write_text("\n".join(lines))
    config = GatewayConfig(rig.bootstrap, rig.prefix, (), settings.wall_clock, linger_ms=0)
    batches = 0

    def importing() -> Importing:
        one = Archive(archive)
        stamp = Stamp(now, 400, 32_000)
        return Importing([(one, reading(one, None, None))], stamp, settings.wall_clock, lambda _: None)

    def cut_off(digest: str, told: taken_down.Taken) -> Any:
        nonlocal batches
        batches += 1
        if batches == 3:
            raise KeyboardInterrupt
        return taking(digest, told)

    taking = taken_down.record
    monkeypatch.setattr(taken_down, "record", cut_off)
    with pytest.raises(KeyboardInterrupt):
        await importing().run(config, again=False)
    monkeypatch.undo()
    rest = importing()
    await rest.run(config, again=False)
    found = await published(rig, 2_000)
    ids = [json.loads(record.value)["id"] for record in found]
    assert len(set(ids)) == len(lines) - 1
    assert 0 < len(ids) - len(set(ids)) <= 500  # what the last batch sent again, under the same ids
    assert rest.tally.before + rest.tally.rows == len(lines)
    (told,) = [json.loads(line) for line in Path(f"{archive}.rejected.jsonl").read_text().splitlines()]
    assert (told["line"], told["row"]) == (4, "nothing")
    first = min(found, key=lambda record: record.timestamp)
    assert first.timestamp * 1_000 == (now - 100 * DAY) // 1_000 * 1_000
    assert silent_until(first.headers) > settings.wall_clock()
    assert all(name == SILENT for record in found for name, _ in record.headers)
    last = importing()
    await last.run(config, again=False)
    assert (last.tally.rows, last.tally.before) == (0, len(lines))
    await last.run(config, again=True)
    assert last.tally.types.total() == len(lines) - 1


async def test_an_archive_that_ends_with_a_full_batch_is_done(embedded_rig: Rig, tmp_path: Path) -> None:
    rig = embedded_rig
    await rig.make_topics()
    archive = tmp_path / "history.jsonl"
    archive.write_text("\n".join(json.dumps(one) for one in views(settings.wall_clock(), 64, 2)[1::2]))
    assert (await asyncio.to_thread(command, rig, str(archive))).returncode == 0
    again = await asyncio.to_thread(command, rig, str(archive))
    assert "rows imported before" in again.stdout
    assert len(await published(rig, 64)) == 64


async def test_what_is_wrong_is_told_and_nothing_is_sent(embedded_rig: Rig, tmp_path: Path) -> None:
    rig = embedded_rig
    archive = tmp_path / "history.jsonl"
    archive.write_text("{}\n[]\n")
    done = await asyncio.to_thread(command, rig, str(archive), str(tmp_path / "nowhere"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"leadheat: {tmp_path / 'nowhere'}: can't be read: No such file or directory\n"
    done = await asyncio.to_thread(command, rig, str(archive))
    assert done.returncode == 1
    assert done.stderr == "leadheat: every row was rejected: see the reasons\n"
    assert "rejected: expected a JSON object, got a list" in done.stdout
    assert len(Path(f"{archive}.rejected.jsonl").read_text().splitlines()) == 2
