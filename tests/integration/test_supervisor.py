"""The supervisor with real child processes: starts, restarts, stops, and leaves none behind."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from deploy import leash
from deploy.child import Child
from deploy.errors import ChildError
from deploy.supervisor import Supervisor
from tests.integration.processes import runs, until, until_async

_WAITS = "import time; print('started', flush=True); time.sleep(600)"
_IGNORES_TERM = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {_WAITS}"


@dataclass
class Heard:
    """A supervisor and all that it and its children said."""

    data: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    ended: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.supervisor = Supervisor(self.data.append, self.said.append, self.ended.append)

    def pid(self, name: str) -> int:
        found = self.supervisor.pid(name)
        assert found is not None
        return found

    def replaced(self, name: str, old: int) -> bool:
        return self.supervisor.pid(name) not in (None, old)


@pytest.fixture
async def heard() -> AsyncIterator[Heard]:
    one = Heard()
    yield one
    await one.supervisor.stop()


def _child(name: str, code: str = _WAITS, **more: object) -> Child:
    return Child(name, [sys.executable, "-c", code], dict(os.environ), **more)  # type: ignore[arg-type]


async def test_passes_data_on_and_names_who_complains(heard: Heard) -> None:
    await heard.supervisor.start(
        _child(
            "talker",
            "import sys; print('an alert', flush=True); print('a worry', file=sys.stderr)",
            once=True,
        )
    )
    await until_async(lambda: heard.data == ["an alert"] and heard.said == ["talker | a worry"])
    assert heard.data == ["an alert"]


async def test_a_killed_child_starts_again(heard: Heard) -> None:
    await heard.supervisor.start(_child("worker"))
    first = heard.pid("worker")
    os.kill(first, signal.SIGKILL)
    await until_async(lambda: heard.replaced("worker", first))
    assert heard.ended == [first]
    assert heard.said[0] == "worker ended with SIGKILL; it starts again in 0.5 s"


async def test_a_child_that_keeps_dying_waits_longer_each_time(heard: Heard) -> None:
    await heard.supervisor.start(_child("worker", "raise SystemExit(3)"))
    await until_async(lambda: sum("starts again in" in line for line in heard.said) >= 3)
    waits = [line for line in heard.said if "starts again in" in line]
    assert [line.rsplit(" in ")[1] for line in waits[:3]] == ["0.5 s", "1 s", "2 s"]
    assert "exit status 3" in waits[0]


async def test_what_lives_on_a_dead_child_starts_anew_with_it(heard: Heard) -> None:
    restored: list[str] = []

    async def restore() -> None:
        restored.append("topics")

    broker = _child("broker", feeds=("worker",), restore=restore, loss="all is gone", quiet=True)
    await heard.supervisor.start(broker)
    await heard.supervisor.start(_child("worker"))
    await heard.supervisor.start(_child("bystander"))
    before = {name: heard.pid(name) for name in ("broker", "worker", "bystander")}
    os.kill(before["broker"], signal.SIGKILL)
    await until_async(lambda: heard.said[-1:] == ["broker, worker: running again"])
    assert heard.pid("broker") != before["broker"]
    assert heard.pid("worker") != before["worker"]
    assert heard.pid("bystander") == before["bystander"]
    assert not runs(before["worker"])
    assert "all is gone" in heard.said
    assert restored == ["topics", "topics"]


async def test_a_finished_child_is_left_finished(heard: Heard) -> None:
    await heard.supervisor.start(_child("demo", "pass", once=True))
    await until_async(lambda: len(heard.ended) == 1)
    assert heard.supervisor.pid("demo") is None
    assert heard.said == []


async def test_a_child_that_never_gets_ready_is_reported_with_its_last_words(heard: Heard) -> None:
    async def never() -> bool:
        return False

    with pytest.raises(
        ChildError, match=r"(?s)web ended with exit status 1 before it was ready.*no such grid"
    ):
        await heard.supervisor.start(_child("web", "raise SystemExit('no such grid')", ready=never))


async def test_stop_ends_even_those_that_do_not_listen(heard: Heard) -> None:
    await heard.supervisor.start(_child("stubborn", _IGNORES_TERM))
    await heard.supervisor.start(_child("polite"))
    await until_async(lambda: heard.data == ["started", "started"])
    pids = [heard.pid("stubborn"), heard.pid("polite")]
    await heard.supervisor.stop()
    assert not any(runs(pid) for pid in pids)
    assert heard.said == []


_PARENT = """
import subprocess, sys, time
from deploy import leash
child = subprocess.Popen(leash.command([sys.executable, "-c", "import time; time.sleep(600)"]))
print(child.pid, flush=True)
time.sleep(600)
"""


def test_a_parent_killed_outright_leaves_no_child() -> None:
    with subprocess.Popen([sys.executable, "-c", _PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert runs(child)
        parent.kill()
        until(lambda: not runs(child))
    assert not runs(child)


_WATCHED = """
import subprocess, sys, time
code = "import sys; from deploy.leash import by_watching; by_watching(int(sys.argv[1]), sys.argv[2:])"
program = [sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(600)"]
import os
subprocess.Popen([sys.executable, "-c", code, str(os.getpid()), *program])
time.sleep(600)
"""


def test_without_the_kernels_help_the_leash_watches_the_parent() -> None:
    with subprocess.Popen([sys.executable, "-c", _WATCHED], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        grandchild = int(parent.stdout.readline())
        assert runs(grandchild)
        parent.kill()
        until(lambda: not runs(grandchild))
    assert not runs(grandchild)


def test_the_leash_gives_back_the_programs_exit_status(tmp_path: Path) -> None:
    done = subprocess.run(
        leash.command([sys.executable, "-c", "raise SystemExit(7)"]), cwd=tmp_path, check=False
    )
    assert done.returncode == 7
    code = "import os, sys; from deploy import leash; sys.exit(leash.by_watching(os.getppid(), sys.argv[1:]))"
    watched = [sys.executable, "-c", code, sys.executable, "-c", "raise SystemExit(7)"]
    assert subprocess.run(watched, check=False).returncode == 7


async def test_a_restart_that_fails_is_told_and_tried_again(heard: Heard) -> None:
    calls: list[str] = []

    async def restore() -> None:
        calls.append("topics")
        if len(calls) == 2:
            raise ChildError("the topics are not right")

    await heard.supervisor.start(_child("broker", feeds=("worker",), restore=restore))
    await heard.supervisor.start(_child("worker"))
    os.kill(heard.pid("broker"), signal.SIGKILL)
    await until_async(lambda: heard.said[-1:] == ["broker, worker: running again"])
    assert any("broker did not come up: the topics are not right" in line for line in heard.said)
    assert len(calls) == 3
