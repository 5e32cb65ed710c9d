"""Files that people write, while a role is at work: a right one is taken, a wrong one told of and counted."""

import asyncio
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from connectors.office.errors import TeamError
from connectors.office.team import Team, load_team
from connectors.watched_file import WatchedFile, until_changed


def _counted(result: str) -> float:
    told = {"file": "team", "result": result}
    return REGISTRY.get_sample_value("leadheat_file_reloads_total", told) or 0.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "team.yml"
    file.write_text("people: {claire: {}}")
    return file


@pytest.fixture
def file(path: Path) -> WatchedFile[Team]:
    watched = WatchedFile(path, load_team, "team", TeamError)
    watched.read()
    return watched


def test_a_wrong_file_is_refused_once_and_the_one_before_stays(
    path: Path, file: WatchedFile[Team], caplog: pytest.LogCaptureFixture
) -> None:
    refused, taken = _counted("refused"), _counted("taken")
    path.write_text("people:\n  claire: {capacity: many}\n  paul: {away: 3}\n")
    assert (file.changed(), file.changed()) == (None, None)
    assert _counted("refused") - refused == 1
    assert list(file.said.people) == ["claire"]
    assert "team.yml:2: people.claire.capacity" in caplog.text
    assert "team.yml:3: people.paul.away" in caplog.text
    path.unlink()
    assert file.changed() is None
    path.write_text("people: {claire: {}, paul: {}}")
    assert file.changed() is file.said
    assert list(file.said.people) == ["claire", "paul"]
    assert (_counted("refused") - refused, _counted("taken") - taken) == (1, 1)


async def test_work_begins_anew_with_a_changed_file_for_everybody_who_has_it(
    path: Path, file: WatchedFile[Team]
) -> None:
    stop = asyncio.Event()
    async with until_changed([file], stop) as one, until_changed([file], stop) as other:
        path.write_text("people: {paul: {}}")
        async with asyncio.timeout(10):
            await asyncio.gather(one.wait(), other.wait())
        assert list(file.said.people) == ["paul"]
    async with until_changed([file], stop) as ended:
        await asyncio.sleep(0)
        assert not ended.is_set()
        stop.set()
        async with asyncio.timeout(10):
            await ended.wait()
