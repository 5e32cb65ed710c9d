"""What a measured program is told, and what it says of itself: marks of events done, CPU and wall time."""

import resource
import sys
import time
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
    warm: int
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


_KB: Final = 1024 if sys.platform == "darwin" else 1


def mark(events: int) -> None:
    """Tells the driver, by a line on stdout."""
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KB / 1024
    told = Mark(events, time.perf_counter(), time.process_time(), peak_mb)
    print(msgspec.json.encode(told).decode(), flush=True)


class Tally:
    """Counts events one by one, and marks the end of the warm-up."""

    def __init__(self, job: Job) -> None:
        self._warm = job.warm
        self.seen = 0

    def one(self) -> None:
        """One more was worked on."""
        self.seen += 1
        if self.seen == self._warm:
            mark(self.seen)


def given() -> Job:
    """The job on this program's command line."""
    return msgspec.json.decode(sys.argv[1], type=Job)
