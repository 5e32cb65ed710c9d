"""The folder of a durable machine: opened, locked, refused; its keys; its disk."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy import disk
from deploy.data_folder import DataFolder, DataFolderError, open_folder
from deploy.kafka import jars
from deploy.kafka.jars import KafkaMissingError
from deploy.log_file import LogFile


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[DataFolder]:
    folder = open_folder(path)
    try:
        yield folder
    finally:
        os.close(folder.lock)


def test_opened_again_it_is_the_same(tmp_path: Path) -> None:
    with _opened(tmp_path / "a" / "b") as first:
        cluster, keys = first.cluster, first.keys()
    with _opened(tmp_path / "a" / "b") as again:
        assert (again.cluster, again.keys()) == (cluster, keys)
        assert again.kafka.is_dir() and again.store.is_dir()
    with _opened(tmp_path / "c") as other:
        assert (other.cluster, other.keys()) != (cluster, keys)


def test_it_is_in_use_until_the_last_that_was_handed_its_lock_has_ended(tmp_path: Path) -> None:
    with _opened(tmp_path) as folder:
        with pytest.raises(DataFolderError, match=rf"in use by .* \(process {os.getpid()}\)"):
            open_folder(tmp_path)
        waits = [sys.executable, "-c", "input()"]
        child = subprocess.Popen(waits, pass_fds=[folder.lock], stdin=subprocess.PIPE)
    try:
        with pytest.raises(DataFolderError, match="in use"):
            open_folder(tmp_path)
    finally:
        child.communicate(b"\n")
    with _opened(tmp_path):
        pass


def test_a_start_cut_short_is_no_hindrance(tmp_path: Path) -> None:
    for leftover in ("lock", "leadheat.partial", "keys.partial"):
        if leftover != "keys.partial":
            (tmp_path / leftover).write_text("")
    with _opened(tmp_path) as folder:
        (tmp_path / "keys.partial").write_text("")
        assert folder.keys().read


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"layout": 1}', '{"layout": "1", "cluster": "x"}'])
def test_a_damaged_description_is_not_guessed_at(tmp_path: Path, content: str) -> None:
    (tmp_path / "leadheat.json").write_text(content)
    with pytest.raises(DataFolderError, match="is damaged: put it back from a backup"):
        open_folder(tmp_path)


def test_damaged_keys_are_told_and_not_shown(tmp_path: Path) -> None:
    with _opened(tmp_path) as folder:
        (tmp_path / "keys.json").write_text(json.dumps({"write_key": "wk_canary", "read_key": 7}))
        with pytest.raises(DataFolderError, match=r"keys\.json is damaged") as refused:
            folder.keys()
        assert "canary" not in str(refused.value)


@pytest.mark.parametrize("name", ["a,b", "a:b"])
def test_paths_that_kafka_would_take_apart_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataFolderError, match="a comma or a colon"):
        open_folder(tmp_path / name)
    assert not (tmp_path / name).exists()


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    assert disk.full(tmp_path, least=0) == ""
    assert f"the disk of {tmp_path} is full" in disk.full(tmp_path, least=1 << 62)


async def test_a_disk_that_fills_up_is_told_once(tmp_path: Path) -> None:
    said: list[str] = []
    watching = asyncio.create_task(disk.watch(tmp_path, said.append, low=1 << 62, every_s=0.001))
    spared: list[str] = []
    sparing = asyncio.create_task(disk.watch(tmp_path, spared.append, low=0, every_s=0.001))
    await asyncio.sleep(0.05)
    watching.cancel(), sparing.cancel()
    assert len(said) == 1
    assert "is nearly full" in said[0]
    assert spared == []


def test_without_maven_it_says_what_to_install_or_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(KafkaMissingError, match=r"needs java and mvn: install .* LEADHEAT_KAFKA_HOME"):
        jars.fetch(tmp_path)


def test_a_named_kafka_must_be_one(tmp_path: Path) -> None:
    with pytest.raises(KafkaMissingError, match="is no unpacked Apache Kafka"):
        jars.of_distribution(tmp_path)
    (tmp_path / "libs").mkdir()
    (tmp_path / "libs" / "kafka_2.13-4.1.0.jar").write_bytes(b"")
    assert jars.of_distribution(tmp_path) == tmp_path / "libs"


def test_a_log_file_stays_small_and_is_no_reason_to_fail(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "server.log", most_bytes=1_000)
    for number in range(1_000):
        log.write(f"line {number}")
    files = sorted(tmp_path.iterdir())
    assert len(files) == 4
    assert all(one.stat().st_size <= 1_000 for one in files)
    assert (tmp_path / "server.log").read_text().endswith("line 999\n")
    LogFile(tmp_path / "absent" / "server.log").write("nowhere")
