"""Remembers when each page view was last heard of, for protocols whose heartbeats tell no duration."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

from scorer.times import SECOND, Micros

_MOST_VIEWS: Final = 100_000
"""Some 30 MB; at ten page views a second, the last three hours."""
_LONGEST: Final = 30 * 60 * SECOND
"""Between two signs of one stay, as Matomo has it; whoever comes back later was away meanwhile."""


class PageViews:
    """The last signs of life of the newest page views.

    >>> views = PageViews()
    >>> views.viewed("v", Micros(0))
    >>> views.beat("v", Micros(15_000_000)), views.beat("v", Micros(25_000_000)), views.beat("w", Micros(0))
    (15.0, 10.0, None)
    """

    def __init__(self, most: int = _MOST_VIEWS) -> None:
        self._most = most
        self._signs: OrderedDict[int, tuple[Micros, Micros]] = OrderedDict()

    def viewed(self, view: Hashable, at: Micros) -> None:
        """A page view began."""
        self._keep(hash(view), at, at)

    def beat(self, view: Hashable, at: Micros) -> float | None:
        """Seconds since the sign before it, None where there is none of that stay.

        The same beat again tells the same.
        """
        key = hash(view)
        if key not in self._signs:
            return None
        before, last = self._signs[key]
        if at != last:
            before, last = last, Micros(max(at, last))
        self._keep(key, before, last)
        return max(0.0, (at - before) / SECOND) if at - before <= _LONGEST else None

    def _keep(self, key: int, before: Micros, last: Micros) -> None:
        self._signs[key] = before, last
        self._signs.move_to_end(key)
        if len(self._signs) > self._most:
            self._signs.popitem(last=False)
