"""`leadheat up` as a process of its own, listened to, for tests."""

import contextlib
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import httpx

from deploy.kafka.node import controller_port
from deploy.ports import free_ports
from tests.environment import with_settings
from tests.integration.processes import descendants, until

_UP = "Alerts, as they come:"


@dataclass
class Up:
    """A running `leadheat up` and all that it has said."""

    process: subprocess.Popen[str]
    port: int
    kafka_port: int
    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def said(self, name: str) -> str:
        """A value of the greeting."""
        found = [line for line in self.out if line.startswith(f"  {name} ")]
        assert found, (self.out, self.err)
        return found[0].removeprefix(f"  {name} ").strip()

    def client(self) -> httpx.Client:
        """A client that may read."""
        headers = {"Authorization": f"Bearer {self.said('read key')}"}
        return httpx.Client(base_url=self.url, headers=headers, trust_env=False, timeout=10)

    def send(self, *events: dict[str, object]) -> httpx.Response:
        """Posts events."""
        headers = {"Authorization": f"Bearer {self.said('write key')}"}
        return httpx.post(
            f"{self.url}/v1/events", json=list(events), headers=headers, trust_env=False, timeout=10
        )

    def child(self, word: str) -> int:
        """The id of the child whose command line holds a word."""
        found = self.found(word)
        assert len(found) == 1, (word, found, self.err)
        return found[0]

    def found(self, word: str) -> list[int]:
        """The ids of the children whose command lines hold a word."""
        return [pid for pid in self.children() if word in command_line(pid)]

    def children(self) -> set[int]:
        """The ids of all processes below this one."""
        return descendants(self.process.pid)

    def ended(self) -> int:
        """Waits for the end; the exit status."""
        return self.process.wait(timeout=60)


@contextlib.contextmanager
def running(*more: str, settings: Mapping[str, str] | None = None) -> Iterator[Up]:
    """Starts `leadheat up` and yields it once it has greeted; ends it in any case."""
    port, kafka_port = _free()
    arguments = ("--port", str(port), "--kafka-port", str(kafka_port), *more)
    with launched(*arguments, settings=settings) as process:
        up = Up(process, port, kafka_port)
        listeners = [_listen(process.stdout, up.out), _listen(process.stderr, up.err)]
        until(lambda: _UP in up.out or process.poll() is not None, within_s=90)
        assert process.poll() is None, "\n".join(up.err)
        try:
            yield up
        except BaseException:
            print("\n".join((*up.out, *up.err)))  # what the test's report shows of it
            raise
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)
        for listener in listeners:
            listener.join(timeout=10)


def _free() -> tuple[int, int]:
    """A port for HTTP, and one for Kafka whose neighbour, which a real one takes too, is as free."""
    while True:
        port, kafka_port, neighbour = free_ports(3)
        if neighbour == controller_port(kafka_port):
            return port, kafka_port


@contextlib.contextmanager
def launched(*arguments: str, settings: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """Starts `leadheat up` with no LEADHEAT_ variables but these."""
    folder = tempfile.TemporaryDirectory(prefix="up-")  # also for what it leaves there when it is killed
    environment = with_settings({"TMPDIR": folder.name, **(settings or {})})
    process = subprocess.Popen(
        _command(arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
        folder.cleanup()


def refused(*arguments: str, settings: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """Runs `leadheat up` to its end: exit status, stdout, stderr."""
    with launched(*arguments, settings=settings) as process:
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err


def _command(arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "deploy.cli", "up", *arguments]


def _listen(stream: IO[str] | None, lines: list[str]) -> threading.Thread:
    assert stream is not None

    def listen() -> None:
        with contextlib.suppress(ValueError):  # closed under us: the test is over
            for line in iter(stream.readline, ""):
                lines.append(line.rstrip())  # noqa: PERF401 (seen as they come, not at the end)

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    return thread


def command_line(pid: int) -> str:
    """The command line of a process; empty where there is none."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except FileNotFoundError:
        return ""
