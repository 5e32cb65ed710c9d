"""The file of scores: whole at any moment, a line for each person, nothing that a spreadsheet would run."""

import csv
from pathlib import Path
from typing import Any

import pytest

from connectors.sync.errors import AwayError, SyncFileError
from connectors.sync.kinds.csv import scores
from connectors.sync.sync_file import parse_sync_file
from tests.sync.rig import LEADS, World
from tests.sync.standin import FastClock
from tests.sync.suite import email


def _world(folder: Path, more: str = "") -> World:
    return World(f"plezi:\n  kind: csv\n  path: {folder / 'plezi.csv'}\n{more}", {}, FastClock())


def _lines(folder: Path) -> dict[str, dict[str, Any]]:
    path = folder / "plezi.csv"
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {row["email"]: row for row in csv.DictReader(file)}


def _people(world: World, count: int) -> list[str]:
    for number in range(count):
        world.traits[f"u-{number}"] = {"email": email(number).upper()}
    return [f"u-{number}" for number in range(count)]


async def test_a_thousand_leads_cut_off_again_and_again(tmp_path: Path) -> None:
    world = _world(tmp_path)
    leads = _people(world, LEADS)
    for start in range(0, LEADS, 100):
        async with world.running():
            await world.score(*leads[start : start + 100])
    async with world.running():
        await world.until(lambda: len(_lines(tmp_path)) == LEADS)
        world.scores["u-7"] = 90.0
        await world.score("u-7")
        await world.until(lambda: _lines(tmp_path)[email(7)]["leadheat_score"] == "90")
    lines = _lines(tmp_path)
    assert {line["leadheat_lead_id"] for line in lines.values()} == set(leads)
    assert [path.name for path in tmp_path.iterdir()] == ["plezi.csv"]


async def test_the_file_is_the_old_one_or_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = _world(tmp_path)
    _people(world, 2)
    async with world.running():
        await world.score("u-0")
        await world.until(lambda: len(_lines(tmp_path)) == 1)
    before = (tmp_path / "plezi.csv").read_bytes()

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(scores.os, "fsync", full)
        with pytest.raises(AwayError, match="No space left on device"):
            scores_of = scores.Scores(parse_sync_file(world.text, "s", {})[0], tmp_path / "plezi.csv", ",")
            scores_of._tell([])
    assert (tmp_path / "plezi.csv").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["plezi.csv"]


async def test_no_text_of_a_lead_s_is_a_formula(tmp_path: Path) -> None:
    world = _world(tmp_path)
    world.traits["=HYPERLINK(1)"] = {"email": email(0)}
    world.traits["u-1"] = {"email": '=cmd|"/c calc"!A1@acme.example'}
    async with world.running():
        await world.score("=HYPERLINK(1)", "u-1")
        await world.until(lambda: len(world.park.parked) == 1 and len(_lines(tmp_path)) == 1)
        world.scores["=HYPERLINK(1)"] = 90.0
        await world.score("=HYPERLINK(1)")
        await world.until(lambda: _lines(tmp_path)[email(0)]["leadheat_score"] == "90")
    assert _lines(tmp_path)[email(0)]["leadheat_lead_id"] == "'=HYPERLINK(1)"
    assert world.park.parked[0][1] == "u-1"


async def test_check_says_what_is_in_the_way(tmp_path: Path) -> None:
    async with _world(tmp_path / "nowhere").connected() as crms:
        assert await crms["plezi"][1].check() == [f"{tmp_path / 'nowhere'} is no folder that we may write to"]
    (tmp_path / "plezi.csv").write_text("something;else\r\n")
    async with _world(tmp_path).connected() as crms:
        [said] = await crms["plezi"][1].check()
    assert said.endswith("is no file of scores: move it away, and one is made")


def test_what_a_file_has_not_is_refused() -> None:
    with pytest.raises(SyncFileError) as refused:
        parse_sync_file(
            "a:\n  kind: csv\n  path: plezi.csv\n  delimiter: x\n  direction: both\n  write: {tasks: true}\n",
            "sync.yml",
            {},
        )
    assert [line.split(": ", 2)[1] for line in str(refused.value).splitlines()] == [
        "a.path",
        "a.delimiter",
        "a.direction",
        "a.write.tasks",
    ]
