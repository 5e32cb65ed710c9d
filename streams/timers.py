"""Reads the product's clock for the shards, at whatever pace it runs, and says how long to sleep on it."""

import time
from collections import deque
from collections.abc import Callable
from typing import Final

from scorer.times import SECOND, Micros

GRACE_S: Final = 0.25
"""How far the clock is held back, in the machine's seconds: records on their way were stamped before now."""

_LOOK_AT_LEAST_EVERY_S: Final = 1.0  # a clock of a demonstration may change its pace at any moment
_LOOK_AT_MOST_EVERY_S: Final = 0.01


class Timers:
    """The clock as the shards see it: late by the grace, at whatever pace it runs."""

    def __init__(self, clock: Callable[[], Micros], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._samples: deque[tuple[float, Micros]] = deque([(monotonic(), clock())])

    def now(self) -> Micros:
        """The latest known reading of the clock that is as old as the grace, or the oldest there is."""
        self._sample()
        return self._samples[0][1]

    def seconds_until(self, wake: int | None) -> float:
        """How long to sleep, in seconds of the machine's, before a moment of the clock may have come."""
        if wake is None:
            return _LOOK_AT_LEAST_EVERY_S
        self._sample()
        wait = (wake - self._samples[0][1]) / (self._pace() * SECOND)
        return min(max(wait, _LOOK_AT_MOST_EVERY_S), _LOOK_AT_LEAST_EVERY_S)

    def wall_seconds(self, span: int) -> float:
        """A span of the clock in seconds of the machine's."""
        return span / (self._pace() * SECOND)

    def _sample(self) -> None:
        now = self._monotonic()
        self._samples.append((now, self._clock()))
        while len(self._samples) > 1 and self._samples[1][0] <= now - GRACE_S:
            self._samples.popleft()

    def _pace(self) -> float:
        """Seconds of the clock in one of the machine's, of late; 1 where that is not known yet."""
        (wall_from, clock_from), (wall_to, clock_to) = self._samples[0], self._samples[-1]
        if wall_to - wall_from < _LOOK_AT_MOST_EVERY_S:
            return 1.0
        return max((clock_to - clock_from) / ((wall_to - wall_from) * SECOND), 1e-3)
