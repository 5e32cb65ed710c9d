"""The commands that need no broker: what they print where, and how they end."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy import cli
from deploy.settings import Settings

_ROOT = Path(__file__).parents[2]
_GRID = str(_ROOT / "deploy" / "grids" / "b2b-fr.yml")
_EVENTS = str(_ROOT / "docs" / "example" / "events.jsonl")
_AT = "2026-11-08T09:00:00Z"


@dataclass(frozen=True)
class Done:
    status: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[[Sequence[str]], Done]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"LEADHEAT_{name.upper()}", raising=False)

    def _run(arguments: Sequence[str]) -> Done:
        monkeypatch.setattr(sys, "argv", ["leadheat", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capfdbinary.readouterr()
        code = ended.value.code
        return Done(code if isinstance(code, int) else 0, out.decode(), err.decode())

    return _run


def test_check_says_that_a_grid_is_right(run: Run) -> None:
    done = run(["check", _GRID])
    assert (done.status, done.err) == (0, "")
    assert done.out.endswith("b2b-fr, version 3, is right\n")


def test_check_tells_every_mistake_with_its_line(run: Run, tmp_path: Path) -> None:
    grid = tmp_path / "g.yml"
    grid.write_text(
        "grid: x\nversion: a\nscores: {fit: {min: 1, max: 0}}\ncriteria: []\ntiers: [{id: cold}]\n"
    )
    done = run(["check", str(grid)])
    assert (done.status, done.out) == (1, "")
    lines = done.err.splitlines()
    assert lines[0].startswith(f"{grid}:2: version: ")
    assert lines[1].startswith(f"{grid}:3: scores.fit.max: ")


def test_check_of_a_file_that_is_not_there(run: Run) -> None:
    done = run(["check", "/nowhere/g.yml"])
    assert done.status == 1
    assert done.err.startswith("/nowhere/g.yml:1: file: ")


def test_score_prints_a_record_a_line(run: Run) -> None:
    done = run(["score", _EVENTS, "--grid", _GRID, "--at", _AT])
    assert (done.status, done.err) == (0, "")
    [record] = done.records
    assert record["lead_id"] == "u-42"
    assert record["score"] == pytest.approx(70.0)
    assert (record["tier"], record["identities"]) == ("hot", ["u-42", "a-1"])


def test_score_without_options_uses_the_grid_that_comes_along_and_now(run: Run) -> None:
    done = run(["score", _EVENTS])
    assert (done.status, len(done.records)) == (0, 1)


def test_the_grid_may_come_from_the_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADHEAT_GRID", "/nowhere/g.yml")
    assert run(["score", _EVENTS]).status == 1
    assert run(["score", _EVENTS, "--grid", _GRID]).status == 0


@pytest.mark.parametrize("more", [[], ["--as-arrived"]])
def test_transitions_come_in_order_of_time(run: Run, more: list[str]) -> None:
    done = run(["score", _EVENTS, "--at", "2027-01-31T00:00:00Z", "--transitions", *more])
    assert done.status == 0
    moments = [str(change["at"]) for change in done.records]
    assert moments == sorted(moments)
    assert {"lead_id", "from", "to", "at"} == set(done.records[0])
    assert done.records[-1]["from"] != "cold"


def test_scores_as_arrived_are_those_of_a_log_in_order(run: Run) -> None:
    in_order, arrived = (run(["score", _EVENTS, "--at", _AT, *more]) for more in ([], ["--as-arrived"]))
    assert (arrived.status, arrived.records) == (0, in_order.records)


def test_a_broken_line_is_named(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "e.jsonl"
    file.write_text('{"type": "page_view", "lead_id": "u"}\nnonsense\n')
    done = run(["score", str(file), "--at", _AT])
    assert (done.status, done.out) == (1, "")
    assert f"{file}:2" in done.err


def test_a_file_that_is_not_there_is_named(run: Run) -> None:
    done = run(["score", "/nowhere/e.jsonl"])
    assert done.status == 1
    assert "/nowhere/e.jsonl" in done.err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["bogus"],
        ["score"],
        ["score", _EVENTS, "--at", "yesterday"],
        ["up", "--port", "0"],
        ["erase"],
        ["export"],
    ],
)
def test_wrong_usage_is_status_2(run: Run, arguments: list[str]) -> None:
    done = run(arguments)
    assert done.status == 2


def test_sync_without_a_file_says_what_to_name(run: Run) -> None:
    done = run(["sync", "--check"])
    assert (done.status, done.out) == (1, "")
    assert done.err == "leadheat: LEADHEAT_SYNC is not set: name the file that says which CRMs there are\n"


def test_sync_tells_every_mistake_of_its_file(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "sync.yml"
    file.write_text("crm:\n  kind: dynamics\n  direction: sideways\n  url: crm.example\n")
    monkeypatch.setenv("LEADHEAT_SYNC", str(file))
    done = run(["sync", "--check"])
    assert done.status == 1
    lines = done.err.removeprefix("leadheat: ").splitlines()
    assert [line.split(": ")[1] for line in lines] == ["crm.auth", "crm.direction", "crm.url"]
    assert lines[1].startswith(f"{file}:3: ")


@pytest.mark.parametrize(
    ("role", "setting"),
    [(role, "KAFKA") for role in ("gateway", "worker", "serve", "notify", "accounts", "topics")],
)
def test_a_role_without_its_settings_refuses_to_start(run: Run, role: str, setting: str) -> None:
    done = run([role])
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith(f"leadheat: LEADHEAT_{setting} is not set")


@pytest.mark.parametrize(("role", "setting"), [("gateway", "WRITE_KEYS"), ("serve", "READ_KEYS")])
def test_the_single_roles_make_no_keys(
    run: Run, monkeypatch: pytest.MonkeyPatch, role: str, setting: str
) -> None:
    monkeypatch.setenv("LEADHEAT_KAFKA", "127.0.0.1:1")
    monkeypatch.setenv("LEADHEAT_REDIS", "redis://127.0.0.1:1/0")
    done = run([role])
    assert done.status == 1
    assert done.err.startswith(f"leadheat: LEADHEAT_{setting} is not set")


def test_the_version_is_the_packages(run: Run) -> None:
    done = run(["--version"])
    assert (done.status, done.out) == (0, "0.1.0\n")


@pytest.mark.parametrize("role", ["worker", "notify", "accounts"])
def test_a_port_for_metrics_that_is_in_use_is_told(
    run: Run, monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("LEADHEAT_KAFKA", "127.0.0.1:1")
        monkeypatch.setenv("LEADHEAT_METRICS_PORT", str(taken.getsockname()[1]))
        done = run([role])
    assert (done.status, done.out) == (1, "")
    assert "is in use by another program" in done.err
    assert "choose another port with LEADHEAT_METRICS_PORT" in done.err


def test_a_url_that_is_no_redis_is_told_without_what_it_says(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEADHEAT_KAFKA", "127.0.0.1:1")
    monkeypatch.setenv("LEADHEAT_READ_KEYS", "rk")
    monkeypatch.setenv("LEADHEAT_REDIS", "redis://somebody:can/ary@localhost")
    done = run(["serve"])
    assert (done.status, done.out) == (1, "")
    assert "LEADHEAT_REDIS (--redis) is no Redis URL" in done.err
    assert "can" not in done.err


def test_up_refuses_a_wrong_channels_file_before_anything_starts(run: Run, tmp_path: Path) -> None:
    channels = tmp_path / "channels.yml"
    channels.write_text("sales: [nowhere]\n")
    done = run(["up", "--channels", str(channels), "--kafka", "127.0.0.1:1"])
    assert (done.status, done.out) == (1, "")
    assert f"{channels}:1: sales[0]: expected `console`" in done.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
def test_a_full_disk_is_told() -> None:
    command = [sys.executable, "-m", "deploy", "score", _EVENTS, "--grid", _GRID, "--at", _AT]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=_ROOT, check=False)
    assert (done.returncode, done.stderr) == (
        1,
        "leadheat: cannot write the result: No space left on device\n",
    )
