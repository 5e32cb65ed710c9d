"""What a measured program is told, and what it says of itself: marks of events done, CPU and wall time."""

import sys
import time
from pathlib import Path
from typing import Final, Literal

import msgspec

Task = Literal["count", "score"]
"""`count`: the engine alone, a counter a lead; `score`: the whole product, a grid of real criteria."""


class Job(msgspec.Struct, frozen=True):
    """One run of one program on a log of its own."""

    task: Task
    kafka: str
    prefix: str
    count: int
    partitions: int
    grid: str
    folder: str
    """Where the program may keep what it keeps on disk."""


class Mark(msgspec.Struct, frozen=True):
    """How far a process was at a moment of the machine's monotonic clock."""

    events: int
    at_s: float
    cpu_s: float
    """User and system, of the process since its start."""
    peak_mb: float


_STATUS: Final = Path("/proc/self/status")


def mark(events: int) -> None:
    """Tells the driver, by a line on stdout; the first mark is made as the first event comes, with 0."""
    told = Mark(events, time.perf_counter(), time.process_time(), _peak_mb())
    print(msgspec.json.encode(told).decode(), flush=True)


def _peak_mb() -> float:
    """0 where the system does not tell; `getrusage` counts what the parent used before the program began."""
    lines = _STATUS.read_text().splitlines() if _STATUS.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


class Tally:
    """Counts events one by one, and marks the first."""

    def __init__(self) -> None:
        self.seen = 0

    def one(self) -> None:
        """One more has come."""
        if not self.seen:
            mark(0)
        self.seen += 1


def given() -> Job:
    """The job on this program's command line."""
    return msgspec.json.decode(sys.argv[1], type=Job)
