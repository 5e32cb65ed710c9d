"""The README's worked score is what the commands in it print."""

import json
import re
import shlex
import sys
from pathlib import Path

import pytest

from deploy import cli
from deploy.settings import Settings

_ROOT = Path(__file__).parents[2]
_README = (_ROOT / "README.md").read_text(encoding="utf-8")
_COMMANDS = re.findall(r"^\.venv/bin/leadheat (score .+)$", _README, re.MULTILINE)


@pytest.fixture(autouse=True)
def _as_a_reader_would(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(_ROOT)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"LEADHEAT_{name.upper()}", raising=False)


def _run(command: str, monkeypatch: pytest.MonkeyPatch, captured: pytest.CaptureFixture[bytes]) -> list[str]:
    monkeypatch.setattr(sys, "argv", ["leadheat", *shlex.split(command)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code in (0, None)
    return captured.readouterr().out.decode().splitlines()


def test_the_score_is_the_tables(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    [line] = _run(_COMMANDS[0], monkeypatch, capfdbinary)
    record = json.loads(line)
    rows = re.findall(r"^\| [^|*]+ \| [^|]+ \| [^|]+ \| (\d+) \|$", _README, re.MULTILINE)
    assert sum(map(int, rows)) == pytest.approx(record["score"])
    assert f"**{record['score']:.0f}: {record['tier']}**" in _README
    for name, value in record["scores"].items():
        assert f"{name} {value:.0f}" in _README


def test_the_transitions_are_the_readmes(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    [printed] = re.findall(r"```json\n(.*?)```", _README, re.DOTALL)
    assert _run(_COMMANDS[1], monkeypatch, capfdbinary) == printed.splitlines()
