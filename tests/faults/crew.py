"""The workers of the bench: real processes, started anew when they end, as a supervisor would."""

import asyncio
import contextlib
import re
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from deploy import leash

TAKES_UP: Final = r"scoring partitions \[\d"
"""What a worker says once it has recovered the states of partitions; not where it got none."""

_LOOK_EVERY_S: Final = 0.2
_START_AGAIN_AFTER_S: Final = 0.3
_STOP_WITHIN_S: Final = 30.0
_HOME: Final = Path(__file__).parents[2]


@dataclass(eq=False)
class Worker:
    """One worker over all its lives."""

    name: str
    command: list[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    wanted: bool = False
    frozen: bool = False
    exits: list[int] = field(default_factory=list)
    """How it ended by itself, life by life."""
    peak_kib: int = 0
    _again_at: float = 0.0

    def start(self) -> None:
        """A new life."""
        with self.log.open("ab") as log:
            command = leash.command(self.command)
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=_HOME)
        self.wanted, self.frozen = True, False

    @property
    def runs(self) -> bool:
        """Whether its process is there and not frozen."""
        return self.process is not None and self.process.poll() is None and not self.frozen

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal, if it is there to take it."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def kill(self) -> None:
        """Ends it at once; it is started anew unless no longer wanted."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def freeze(self) -> None:
        """Stops it where it is."""
        self.signal(signal.SIGSTOP)
        self.frozen = True

    def thaw(self) -> None:
        """Lets it go on."""
        self.signal(signal.SIGCONT)
        self.frozen = False

    def said(self, text: str) -> int:
        """How often what an expression matches stands in what it wrote, in all its lives."""
        return len(re.findall(text, self.log.read_text(errors="replace"))) if self.log.exists() else 0

    @property
    def last_said(self) -> str:
        """The last line that it wrote."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return f"{self.name}: {lines[-1][:160] if lines else ''}"

    def look(self) -> None:
        """Notes its memory."""
        if self.process is None:
            return
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    self.peak_kib = max(self.peak_kib, int(line.split()[1]))


class Crew:
    """Some workers of one group."""

    def __init__(
        self, command: Callable[[str], list[str]], folder: Path, note: Callable[[str], None]
    ) -> None:
        """`command` gives what to run for a worker's name."""
        self._command = command
        self._folder = folder
        self._note = note
        self._watching: asyncio.Task[None] | None = None
        self.workers: list[Worker] = []

    async def __aenter__(self) -> "Crew":
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._watching is not None:
            self._watching.cancel()
        for worker in self.workers:
            worker.wanted = False
            worker.kill()

    @property
    def running(self) -> list[Worker]:
        """Those that are wanted and run."""
        return [worker for worker in self.workers if worker.wanted and worker.runs]

    def scale(self, count: int) -> None:
        """Starts or, in order, stops workers until so many are wanted."""
        wanted = [worker for worker in self.workers if worker.wanted]
        for worker in wanted[count:]:
            worker.wanted = False
            worker.signal(signal.SIGTERM)
        idle = [worker for worker in self.workers if not worker.wanted and not worker.runs]
        for _ in range(count - len(wanted)):
            (idle.pop() if idle else self._hire()).start()
        if count != len(wanted):
            self._note(f"workers: {len(wanted)} → {count}")

    def kill(self, worker: Worker) -> None:
        """Kills one."""
        self._note(f"kill -9 {worker.name}")
        worker.kill()

    def freeze(self, worker: Worker) -> None:
        """Stops one where it is."""
        self._note(f"freeze {worker.name}")
        worker.freeze()

    def thaw(self, worker: Worker) -> None:
        """Lets a frozen one go on."""
        self._note(f"thaw {worker.name}")
        worker.thaw()

    async def taking_up(self, within_s: float) -> Worker | None:
        """The next worker that takes up partitions, and with them what waits there; None where none does."""
        before = {worker: worker.said(TAKES_UP) for worker in self.workers}
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            for worker in self.running:
                if worker.said(TAKES_UP) > before.get(worker, 0):
                    return worker
            await asyncio.sleep(0.02)
        return None

    async def stop(self) -> list[int]:
        """Stops all in order; how each ended."""
        stopped = [worker for worker in self.workers if worker.process is not None]
        for worker in stopped:
            worker.wanted = False
            worker.thaw()
            worker.signal(signal.SIGTERM)
        return [await asyncio.to_thread(_ended, worker) for worker in stopped]

    @property
    def peak_mib(self) -> float:
        """The most memory that one of them had."""
        return max((worker.peak_kib for worker in self.workers), default=0) / 1024

    @property
    def own_ends(self) -> int:
        """How often one ended by itself, to be started anew."""
        return sum(len(worker.exits) for worker in self.workers)

    def _hire(self) -> Worker:
        name = f"w{len(self.workers)}"
        worker = Worker(name, self._command(name), self._folder / f"{name}.log")
        self.workers.append(worker)
        return worker

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            now = time.monotonic()
            for worker in self.workers:
                worker.look()
                if not worker.wanted or worker.process is None or worker.process.poll() is None:
                    worker._again_at = 0.0
                elif not worker._again_at:
                    self._ended(worker, worker.process.returncode)
                    worker._again_at = now + _START_AGAIN_AFTER_S
                elif now >= worker._again_at:
                    worker.start()

    def _ended(self, worker: Worker, status: int) -> None:
        if status != -signal.SIGKILL:
            worker.exits.append(status)
            self._note(f"ended with {status}, {worker.last_said}")


def _ended(worker: Worker) -> int:
    assert worker.process is not None
    try:
        return worker.process.wait(_STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        worker.kill()
        return -signal.SIGKILL
