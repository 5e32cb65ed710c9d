"""Tells copies of records that were dealt with before; copied so that what stood before them can go."""

from collections.abc import Awaitable, Callable
from typing import Any

from scorer.copies import origin_of

Committed = Callable[[str, int], Awaitable[int]]


class Copies:
    """From where on each partition was read, and up to where it had been dealt with before.

    A copy counts as the record that it is a copy of: it was dealt with if the group had committed past that
    one, or if that one was read since. What was deleted before anybody read it is delivered by its copy.
    """

    def __init__(self, committed: Committed) -> None:
        self._committed = committed
        self._begun: dict[tuple[str, int], tuple[int, int]] = {}

    async def had(self, record: Any) -> bool:
        """Whether a record was dealt with under another offset; asked of every record, in order."""
        place = record.topic, record.partition
        if place not in self._begun:
            self._begun[place] = (await self._committed(*place), record.offset)
        origin = origin_of(record.headers)
        committed, first = self._begun[place]
        return origin is not None and (origin < committed or origin >= first)

    def forget(self, partition: int) -> None:
        """It is somebody else's now."""
        for place in [place for place in self._begun if place[1] == partition]:
            del self._begun[place]
