"""Runs the processes of a measurement, and works out what they used between warm-up and end."""

import contextlib
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

import msgspec

from deploy import leash
from tests.benchmarks.engines import ROOT, Engine
from tests.benchmarks.job import Job, Mark

_WITHIN_S: Final = 600.0
_END_WITHIN_S: Final = 30.0
_LOOK_EVERY_S: Final = 0.02


class Used(msgspec.Struct, frozen=True):
    """What a run used from the first event until all was durable; `whole`: since the process began."""

    events: int
    wall_s: float
    cpu_s: float
    whole_cpu_s: float
    peak_mb: float

    @property
    def cpu_us(self) -> float:
        """CPU microseconds an event."""
        return self.cpu_s / self.events * 1e6

    @property
    def whole_cpu_us(self) -> float:
        """CPU microseconds an event, with the start of the process."""
        return self.whole_cpu_s / self.events * 1e6

    @property
    def rate(self) -> float:
        """Events a second of wall time."""
        return self.events / self.wall_s


class BenchmarkError(Exception):
    """A measured program failed, or did not do what it was to do: its figures would mean nothing."""


class Process:
    """One measured program: its marks as they come."""

    def __init__(self, engine: Engine, job: Job, log: Path) -> None:
        self.marks: list[Mark] = []
        self.log = log
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                leash.command(engine.command(job)), cwd=ROOT, stdout=subprocess.PIPE, stderr=errors
            )
        assert self._process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()

    def _read(self, lines: IO[bytes]) -> None:
        decode = msgspec.json.Decoder(Mark).decode
        for line in lines:
            if line.startswith(b"{"):
                self.marks.append(decode(line))

    @property
    def events(self) -> int:
        """How many it has done."""
        return self.marks[-1].events if self.marks else 0

    def check(self) -> None:
        """Raises BenchmarkError where it has failed."""
        if self._process.poll():
            raise BenchmarkError(f"exit status {self._process.returncode}; its log ends:\n{self._said()}")

    def _said(self) -> str:
        return self.log.read_text(errors="replace")[-3000:]

    def end(self, by_itself: bool) -> None:
        """Waits until it has ended, told to or not; raises BenchmarkError where it does not end well."""
        if not by_itself:
            self._process.terminate()
        try:
            self._process.wait(_END_WITHIN_S)
        except subprocess.TimeoutExpired:
            raise BenchmarkError(f"it does not end; its log ends:\n{self._said()}") from None
        self._reader.join()
        self.check()

    def kill(self) -> None:
        """Ends it at once, if it still runs."""
        self._process.kill()
        self._process.wait()


@contextlib.contextmanager
def started(engine: Engine, job: Job, workers: int = 1) -> Iterator[list[Process]]:
    """The processes of an engine, one for each worker."""
    folder = Path(job.folder)
    processes: list[Process] = []
    try:
        while len(processes) < workers:
            processes.append(Process(engine, job, folder / f"{engine.name}-{len(processes)}.log"))
        yield processes
    finally:
        for process in processes:
            process.kill()


def finish(processes: list[Process], job: Job, by_itself: bool) -> Used:
    """Waits until all of the log is done; what was used."""
    deadline = time.monotonic() + _WITHIN_S
    while sum(process.events for process in processes) < job.count:
        for process in processes:
            process.check()
        if time.monotonic() > deadline:
            done = sum(process.events for process in processes)
            raise BenchmarkError(f"{done} of {job.count} events done within {_WITHIN_S:.0f} s")
        time.sleep(_LOOK_EVERY_S)
    for process in processes:
        process.end(by_itself)
    return used([process.marks for process in processes if process.marks], job.count)


def used(marks: list[list[Mark]], count: int) -> Used:
    """What processes used from the first event that one of them got until all was done.

    >>> one = [Mark(0, 1.0, 0.5, 0.0), Mark(60, 2.0, 1.0, 0.0), Mark(100, 3.0, 1.5, 9.0)]
    >>> used([one], 100)
    Used(events=100, wall_s=2.0, cpu_s=1.0, whole_cpu_s=1.5, peak_mb=9.0)
    """
    moments = sorted({mark.at_s for each in marks for mark in each})
    reached = ((at_s, [_at(each, at_s) for each in marks]) for at_s in moments)
    end_s, after = next(one for one in reached if sum(mark.events for mark in one[1]) >= count)
    before = [each[0] for each in marks]
    return Used(
        sum(mark.events for mark in after),
        end_s - min(mark.at_s for mark in before),
        sum(late.cpu_s - early.cpu_s for early, late in zip(before, after, strict=True)),
        sum(mark.cpu_s for mark in after),
        sum(mark.peak_mb for mark in after),
    )


def _at(marks: list[Mark], at_s: float) -> Mark:
    """The last mark not after a moment, or the first."""
    return next((mark for mark in reversed(marks) if mark.at_s <= at_s), marks[0])
