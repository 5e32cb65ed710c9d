"""When each destination got each alert, and that it got it once."""

import asyncio
import time
from collections import Counter
from collections.abc import Collection
from typing import Final

from tests.benchmarks.running import BenchmarkError

_LOOK_EVERY_S: Final = 0.05

Arrival = tuple[str, str]
"""A destination, and what it was told: an alert, or its lead."""


class Arrivals:
    """Taken down by receivers once they have verified what came."""

    def __init__(self) -> None:
        self.first: dict[Arrival, float] = {}
        self._times: Counter[Arrival] = Counter()

    def note(self, destination: str, told: str) -> None:
        """Something came."""
        self.first.setdefault((destination, told), time.perf_counter())
        self._times[destination, told] += 1

    async def all_of(self, due: Collection[Arrival], within_s: float) -> None:
        """Returns once all has come; BenchmarkError where it does not."""
        deadline = time.monotonic() + within_s
        while missing := [one for one in due if one not in self.first]:
            if time.monotonic() > deadline:
                raise BenchmarkError(f"{len(missing)} of {len(due)} were not delivered: {missing[:5]}")
            await asyncio.sleep(_LOOK_EVERY_S)

    def each_once(self) -> None:
        """BenchmarkError where something came twice: to be asked once nobody sends any more."""
        if more := [one for one, times in self._times.items() if times > 1]:
            raise BenchmarkError(f"{len(more)} were delivered more than once: {more[:5]}")


def percentiles(seconds: Collection[float]) -> dict[str, float]:
    """Milliseconds.

    >>> percentiles([0.001, 0.002, 0.003])
    {'p50': 2.0, 'p99': 3.0, 'most': 3.0}
    """
    ordered = sorted(one * 1_000 for one in seconds)
    return {
        "p50": ordered[len(ordered) // 2],
        "p99": ordered[min(len(ordered) - 1, round(len(ordered) * 0.99))],
        "most": ordered[-1],
    }
