"""Ends the process where its event loop stands still: from a thread, since nothing else would then run.

What is sent asks the lease, so a loop that stands still harms nobody but its own partitions: heartbeats come
from the consumer's thread, and the group would wait for ever. The limit is long, half of what counts as
stalled: taking up the states of a million leads, or a new grid for them, is one computation of some seconds.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Final, NoReturn

from streams.errors import StalledError

LIMIT_S: Final = 30.0

_LOOK_EVERY_S: Final = 0.5
_BEAT_EVERY_S: Final = 0.1


class Watchdog:
    """Counts its looks at a loop that gave no sign of life in between.

    Looks, not seconds: those in which the whole process was stopped are nobody's fault.
    """

    def __init__(
        self,
        end: Callable[[Exception], NoReturn],
        also: Callable[[], None] = lambda: None,
        limit_s: float = LIMIT_S,
    ) -> None:
        """`end` ends the process; `also` is called at each look."""
        self._end = end
        self._also = also
        self._most = round(limit_s / _LOOK_EVERY_S)
        self._beats = 0
        self._seen = 0
        self._missed = 0

    async def run(self) -> None:
        """Beats in the loop, and has it watched, until cancelled."""
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()
        while True:
            self.beat()
            await asyncio.sleep(_BEAT_EVERY_S)

    def beat(self) -> None:
        """The loop runs."""
        self._beats += 1

    def _watch(self) -> None:
        while True:
            time.sleep(_LOOK_EVERY_S)
            self.look()

    def look(self) -> None:
        """Looks once; ends the process where the limit is reached."""
        self._also()
        self._missed = 0 if self._beats != self._seen else self._missed + 1
        self._seen = self._beats
        if self._missed >= self._most:
            self._end(StalledError(f"the event loop stood still for {self._missed * _LOOK_EVERY_S:.0f} s"))
