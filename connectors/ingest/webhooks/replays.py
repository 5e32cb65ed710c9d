"""Remembers which signed deliveries came already, for as long as their signatures are accepted."""

from typing import Final

from connectors.ingest.errors import RefusedError
from scorer.ids import digest
from scorer.times import Micros

_MOST: Final = 200_000
"""Of one provider: some 25 MB. At the longest age accepted (9 h) that is six a second, all day."""
_RETRY_AFTER_S: Final = 2


class Replays:
    """The deliveries of one provider. Where more come than are remembered, older signatures are refused.

    >>> replays = Replays(most=1)
    >>> replays.claim("a", signed=Micros(0), now=Micros(5), keep_us=10)
    True
    >>> replays.done("a", taken=True)
    >>> replays.claim("a", signed=Micros(0), now=Micros(6), keep_us=10)
    False
    >>> replays.claim("b", signed=Micros(7), now=Micros(7), keep_us=10)
    True
    >>> replays.claim("a", signed=Micros(0), now=Micros(8), keep_us=10)
    Traceback (most recent call last):
    connectors.ingest.errors.RefusedError: too many deliveries since it was signed to say that it is new
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._seen: dict[bytes, tuple[Micros, Micros]] = {}
        self._under_way: set[bytes] = set()
        self._forgotten: Micros | None = None
        """The newest signature that was forgotten before its time."""

    def claim(self, once: str, signed: Micros, now: Micros, keep_us: int) -> bool:
        """Whether it is the first such delivery; it is remembered for `keep_us`, in microseconds, from now.

        While the first is under way nobody knows what becomes of it: another one is told to try again (503).
        """
        self._forget_until(now)
        name = digest(once)
        if name in self._under_way:
            raise RefusedError(503, "the same delivery is being taken: send it again", _RETRY_AFTER_S)
        if name in self._seen:
            return False
        if self._forgotten is not None and signed <= self._forgotten:
            raise RefusedError(401, "too many deliveries since it was signed to say that it is new")
        if len(self._seen) >= self._most:
            _, oldest = self._seen.pop(next(iter(self._seen)))
            self._forgotten = oldest if self._forgotten is None else max(self._forgotten, oldest)
        self._seen[name] = (Micros(now + keep_us), signed)
        self._under_way.add(name)
        return True

    def done(self, once: str, taken: bool) -> None:
        """Says what became of a claimed delivery; one that was not taken may come again."""
        name = digest(once)
        self._under_way.discard(name)
        if not taken:
            self._seen.pop(name, None)

    def _forget_until(self, now: Micros) -> None:
        while self._seen and self._seen[first := next(iter(self._seen))][0] < now:
            del self._seen[first]
