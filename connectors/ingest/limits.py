"""Limits how fast one key, address or lead may send: a token bucket for each."""

import math
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final

from connectors.ingest.errors import RefusedError

_MOST_BUCKETS: Final = 100_000
"""Of one kind, some 20 MB; beyond, the one that was made first is forgotten: its owner may burst again."""


@dataclass(frozen=True)
class Rate:
    """So many a second in the long run, so many at once."""

    per_second: float
    burst: float

    @classmethod
    def of(cls, per_second: float) -> "Rate":
        """A rate whose burst is a second's worth, at least one."""
        return cls(per_second, max(1.0, per_second))


class Buckets:
    """What is left of the bursts of many senders of one kind.

    It counts on a clock of its own, since the clock of a demo runs faster than its clients.

    >>> now = [0.0]
    >>> buckets, rate = Buckets(lambda: now[0]), Rate(2.0, burst=10)
    >>> buckets.wait_s("a", rate), buckets.take("a", rate, 14), buckets.wait_s("a", rate)
    (0, None, 3)
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left: dict[Hashable, tuple[float, float]] = {}

    def wait_s(self, sender: Hashable, rate: Rate, need: float = 1.0) -> int:
        """Whole seconds until the sender has so many tokens, 0 where it has them."""
        tokens = self._tokens(sender, rate, self._clock())
        return 0 if tokens >= need else math.ceil((need - tokens) / rate.per_second)

    def take(self, sender: Hashable, rate: Rate, tokens: float = 1.0) -> None:
        """Takes tokens, more than there are too: the sender then waits until they have come in."""
        now = self._clock()
        left = self._tokens(sender, rate, now) - tokens
        if sender not in self._left and len(self._left) >= _MOST_BUCKETS:
            del self._left[next(iter(self._left))]
        self._left[sender] = (left, now)

    def _tokens(self, sender: Hashable, rate: Rate, now: float) -> float:
        tokens, since = self._left.get(sender, (rate.burst, now))
        return min(rate.burst, tokens + (now - since) * rate.per_second)


class RateLimit:
    """Lets `per_second` requests of a sender pass, and a second's worth of them (at least one) at once.

    >>> limit = RateLimit(0.5, lambda: 0.0)
    >>> limit.take(0)
    >>> limit.take(0)
    Traceback (most recent call last):
    connectors.ingest.errors.RefusedError: more than 0.5 requests a second with this key
    """

    def __init__(
        self,
        per_second: float | None,
        clock: Callable[[], float] = time.monotonic,
        whose: str = "with this key",
        reason: str = "key_too_fast",
    ) -> None:
        self._rate = None if per_second is None else Rate.of(per_second)
        self._whose = whose
        self._reason = reason
        self._buckets = Buckets(clock)

    def take(self, sender: Hashable) -> None:
        """Counts a request of the sender; raises RefusedError 429 if it came too fast."""
        if self._rate is None:
            return
        if wait_s := self._buckets.wait_s(sender, self._rate):
            told = f"more than {self._rate.per_second:g} requests a second {self._whose}"
            raise RefusedError(429, told, wait_s, self._reason)
        self._buckets.take(sender, self._rate)
