"""Limits how fast one key may send: a token bucket for each."""

import math
import time
from collections.abc import Callable

from connectors.ingest.errors import RefusedError


class RateLimit:
    """Lets `per_second` requests of a key pass, and a second's worth of them (at least one) at once.

    It counts on a clock of its own, since the clock of a demo runs faster than its clients.

    >>> now = [0.0]
    >>> limit = RateLimit(0.5, lambda: now[0])
    >>> limit.take(0)
    >>> limit.take(0)
    Traceback (most recent call last):
    connectors.ingest.errors.RefusedError: more than 0.5 requests a second with this key
    """

    def __init__(self, per_second: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._burst = max(1.0, per_second or 0.0)
        self._clock = clock
        self._buckets: dict[int, tuple[float, float]] = {}

    def take(self, key: int) -> None:
        """Counts a request of the key at this place; raises RefusedError 429 if it came too fast."""
        if self._per_second is None:
            return
        now = self._clock()
        tokens, since = self._buckets.get(key, (self._burst, now))
        tokens = min(self._burst, tokens + (now - since) * self._per_second)
        if tokens < 1:
            wait_s = math.ceil((1 - tokens) / self._per_second)
            raise RefusedError(429, f"more than {self._per_second:g} requests a second with this key", wait_s)
        self._buckets[key] = (tokens - 1, now)
