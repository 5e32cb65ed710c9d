"""The moments at which time may change leads: exact where they are near, by coarse buckets where far.

A million leads, each with its moment in a heap and again in a dict (to know which entries still hold), took
158 bytes a lead. Most moments are days away and change before they come: until then it is enough to know
in which few hours they lie, and a set of keys for each of those takes a third of that, with no stale entries.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from scorer.times import FOREVER, NEVER

_BITS: Final = 34
"""A bucket is 2^34 µs, 4.8 hours: few leads come near at once, and a year is not many buckets."""
_STALE: Final = 1_000
"""Entries of the heap that may be out of date, beyond as many as there are others."""


class Wakes:
    """A moment for each key, or none."""

    def __init__(self, wake_of: Callable[[bytes], int]) -> None:
        """`wake_of` says the exact moment that a key was last set to, when its bucket comes near."""
        self._wake_of = wake_of
        self._far: dict[int, set[bytes]] = {}
        self._far_order: list[int] = []
        self._edge = NEVER >> _BITS
        """Buckets before this one are near."""
        self._near: dict[bytes, int] = {}
        self._heap: list[tuple[int, bytes]] = []
        self._at_once: Iterator[bytes] = iter(())
        self._first_at_once: bytes | None = None

    def set(self, key: bytes, wake: int, before: int) -> None:
        """Sets the moment of a key, FOREVER for none; `before` is what it was last set to."""
        if wake != before:
            self.drop(key, before)
        if wake >= FOREVER:
            return
        bucket = wake >> _BITS
        if bucket < self._edge:
            self._set_near(key, wake)
        elif (far := self._far.get(bucket)) is not None:
            far.add(key)
        else:
            self._far[bucket] = {key}
            heapq.heappush(self._far_order, bucket)

    def drop(self, key: bytes, before: int) -> None:
        """Forgets a key that was last set to `before`."""
        if before >> _BITS < self._edge:
            self._near.pop(key, None)
        elif (far := self._far.get(before >> _BITS)) is not None:
            far.discard(key)

    def at_once(self, keys: Iterable[bytes]) -> None:
        """Makes keys due now, besides what they are set to; replaces those that were to be due so before."""
        self._at_once = iter(keys)
        self._first_at_once = next(self._at_once, None)

    def due(self, now: int) -> bytes | None:
        """A key whose moment has come, which is then set to none."""
        if self._first_at_once is not None:
            key, self._first_at_once = self._first_at_once, next(self._at_once, None)
            return key
        self._open_until(now)
        self._drop_stale()
        if not self._heap or self._heap[0][0] > now:
            return None
        key = heapq.heappop(self._heap)[1]
        del self._near[key]
        return key

    def next(self) -> int | None:
        """The least of the moments, or a lower bound of it."""
        if self._first_at_once is not None:
            return NEVER
        self._drop_stale()
        if self._heap:
            return self._heap[0][0]
        while self._far_order and not self._far[self._far_order[0]]:
            del self._far[heapq.heappop(self._far_order)]
        return self._far_order[0] << _BITS if self._far_order else None

    def _set_near(self, key: bytes, wake: int) -> None:
        if self._near.get(key) == wake:
            return
        self._near[key] = wake
        heapq.heappush(self._heap, (wake, key))
        if len(self._heap) > 2 * len(self._near) + _STALE:
            self._heap = [(wake, key) for key, wake in self._near.items()]
            heapq.heapify(self._heap)

    def _open_until(self, now: int) -> None:
        """Makes the buckets near that have begun."""
        while self._far_order and self._far_order[0] << _BITS <= now:
            bucket = heapq.heappop(self._far_order)
            self._edge = bucket + 1
            for key in self._far.pop(bucket):
                self._set_near(key, self._wake_of(key))

    def _drop_stale(self) -> None:
        while self._heap and self._near.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
