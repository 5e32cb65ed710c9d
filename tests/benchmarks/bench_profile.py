"""Says, by sampling, where the scoring core spends its time: what faster code would have to be faster at."""

import argparse
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from rich.console import Console
from rich.table import Table

from scorer.grid import load_grid
from scorer.plan import Plan
from tests.benchmarks import grids, load, results
from tests.benchmarks.core import Core

_EVERY_S: Final = 0.001
_LEADS: Final = 30_000
_PARTS: Final = {
    "scorer.event": "reading the event",
    "scorer.slots": "finding the criteria that it matches",
    "scorer.evidence": "adding evidence",
    "scorer.walk": "deciding the tier",
    "scorer.record": "explaining: the score record",
    "scorer.alerts": "alerts",
    "scorer.lead": "states: decoding and encoding",
    "scorer.resident": "states: decoding and encoding",
    "scorer.residents": "keeping leads at hand",
    "scorer.lead_scoring": "steering all this",
    "scorer.shard": "steering all this",
}
"""By module; what a module calls counts for it, unless another of these was called."""


@contextmanager
def sampling() -> Iterator[Counter[str]]:
    """Counts, while the block runs, in which part each millisecond of CPU time ends."""
    seen: Counter[str] = Counter()

    def look(_number: int, frame: FrameType | None) -> None:
        while frame is not None:
            part = _PARTS.get(frame.f_globals["__name__"])
            if part is not None:
                seen[part] += 1
                return
            frame = frame.f_back

    before = signal.signal(signal.SIGPROF, look)
    signal.setitimer(signal.ITIMER_PROF, _EVERY_S, _EVERY_S)
    try:
        yield seen
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def shares(events: int, visit: float) -> dict[str, float]:
    """The share of each part, the greatest first, in a log with so many events by touched lead."""
    core = Core(Plan(load_grid(grids.TWENTY)))
    warm, log = (load.make(events, _LEADS, visit=visit, seed=seed) for seed in (1, 2))
    core.take(warm)
    with sampling() as seen:
        core.take(log)
    total = seen.total()
    return {part: count / total for part, count in seen.most_common()}


def main() -> None:
    """Measures, keeps the figures, prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="a fifth of the events")
    parser.add_argument("--visit", type=float, default=3.5, help="events by touched lead")
    given = parser.parse_args()
    events = 40_000 if given.short else 200_000
    found = shares(events, given.visit)
    results.save("profile", {"events": events, "visit": given.visit, "shares": found})
    table = Table("part of the scoring core", "share of its time")
    for part, share in found.items():
        table.add_row(part, f"{share:.0%}")
    Console().print(table)


if __name__ == "__main__":
    main()
