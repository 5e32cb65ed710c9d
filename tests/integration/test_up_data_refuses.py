"""`leadheat up --data` tells what is in its way before it starts, and leaves others' folders alone."""

import json
from pathlib import Path

import pytest

from tests.integration.up_running import refused

pytestmark = pytest.mark.embedded


@pytest.fixture
def java_17(tmp_path: Path) -> dict[str, str]:
    """Settings that name a Java that says it is new enough; nothing here comes to run Kafka on it."""
    return _java(tmp_path, 'openjdk version "17.0.15" 2025-04-15')


def _java(folder: Path, says: str) -> dict[str, str]:
    program = folder / "jdk" / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho '{says}' >&2\n")
    program.chmod(0o755)
    return {"JAVA_HOME": str(folder / "jdk")}


def _refusal(*arguments: str, settings: dict[str, str] | None = None) -> str:
    status, out, err = refused(*arguments, settings=settings)
    assert (status, out) == (1, "")
    assert "Traceback" not in err
    return err


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path, java_17: dict[str, str]) -> None:
    folder = tmp_path / "holidays"
    folder.mkdir()
    (folder / "beach.jpg").write_bytes(b"")
    err = _refusal("--data", str(folder), settings=java_17)
    assert "the folder holds other things (beach.jpg) and no leadheat.json" in err
    assert [one.name for one in folder.iterdir()] == ["beach.jpg"]


def test_a_folder_of_a_newer_layout_is_left_alone(tmp_path: Path, java_17: dict[str, str]) -> None:
    folder = tmp_path / "newer"
    folder.mkdir()
    about = json.dumps({"layout": 2, "made_by": "9.0", "cluster": "x"})
    (folder / "leadheat.json").write_text(about)
    err = _refusal("--data", str(folder), settings=java_17)
    assert "made by LeadHeat 9.0 with layout 2" in err
    assert "knows layout 1" in err
    assert (folder / "leadheat.json").read_text() == about


def test_a_file_is_no_folder(tmp_path: Path, java_17: dict[str, str]) -> None:
    file = tmp_path / "file"
    file.write_text("")
    assert f"--data {file}:" in _refusal("--data", str(file), settings=java_17)


def test_a_java_too_old_is_told_with_what_to_install(tmp_path: Path) -> None:
    settings = _java(tmp_path, 'java version "1.8.0_392"')
    err = _refusal("--data", str(tmp_path / "data"), settings=settings)
    assert "is Java 8, and Kafka needs 17 or newer: install Java 17" in err
    assert not (tmp_path / "data").exists()


def test_no_java_is_told_with_what_works_without(tmp_path: Path) -> None:
    settings = {"JAVA_HOME": "", "PATH": str(tmp_path)}
    err = _refusal("--data", str(tmp_path / "data"), settings=settings)
    assert "needs Java, and there is none on the PATH: install Java 17" in err
    assert "without --data" in err
    assert not (tmp_path / "data").exists()


def test_a_folder_and_another_kafka_are_too_much(tmp_path: Path) -> None:
    err = _refusal("--data", str(tmp_path / "data"), "--kafka", "127.0.0.1:9092")
    assert "leave one of them out" in err


def test_invented_people_do_not_get_into_a_folder_that_is_kept(tmp_path: Path) -> None:
    err = _refusal("--data", str(tmp_path / "data"), "--demo")
    assert "--demo plays invented people" in err
    assert not (tmp_path / "data").exists()
