"""Whether a CRM may be called now: closed for as long as it asks for, or after failures longer each time."""

import asyncio
import logging
import random
import re
from collections.abc import Callable
from typing import Final

from connectors.sync.caller import until
from connectors.sync.errors import CrmError, LockedOutError, ThrottledError
from connectors.sync.metrics import CALLS, OPEN
from scorer.times import SECOND, Micros

_FIRST_S: Final = 1.0
_LONGEST_S: Final = 300.0
_LONGEST_ASKED_S: Final = 86_400.0
"""A daily quota may be used up until midnight; who asks for more has lost their mind."""

_ADDRESS: Final = re.compile(r"[^\s'\"<>(]+@[^\s'\"<>),;]+")
_log: Final = logging.getLogger(__name__)


def backoff_s(failures: int, longest_s: float = _LONGEST_S) -> float:
    """How long to wait after so many failures in a row: doubled each time, and half of it by chance."""
    return float(min(longest_s, _FIRST_S * 2.0 ** min(failures - 1, 20))) * random.uniform(0.5, 1.0)


class Gate:
    """A destination's breaker: reading and writing share it, as they share the CRM's patience."""

    def __init__(self, destination: str, clock: Callable[[], Micros]) -> None:
        self._destination = destination
        self._clock = clock
        self._failures = 0
        self.closed_until = 0
        """The moment from which on calls may be tried."""
        OPEN.labels(destination).set(0)

    async def wait(self) -> None:
        """Returns when a call may be tried."""
        while (moment := self.closed_until) > self._clock():
            await until(moment, self._clock)

    def passed(self) -> None:
        """A call was answered as it should be."""
        if self._failures:
            _log.info("%s answers again", self._destination)
        self._failures = 0
        CALLS.labels(self._destination, "done").inc()
        OPEN.labels(self._destination).set(0)

    def failed(self, error: CrmError) -> None:
        """A call wasn't: nobody calls for a while."""
        self._failures += 1
        wait_s = backoff_s(self._failures)
        if isinstance(error, ThrottledError) and error.wait_s is not None:
            wait_s = min(max(wait_s, error.wait_s), _LONGEST_ASKED_S)
            self._failures -= 1  # it answers, and says when: that is no failure
        if isinstance(error, LockedOutError):
            wait_s = _LONGEST_S
        result = {ThrottledError: "throttled", LockedOutError: "locked_out"}.get(type(error), "failed")
        CALLS.labels(self._destination, result).inc()
        OPEN.labels(self._destination).set(int(self._failures > 0))
        self.closed_until = max(self.closed_until, self._clock() + int(wait_s * SECOND))
        level = logging.ERROR if isinstance(error, LockedOutError) else logging.WARNING
        said = _ADDRESS.sub("…", str(error))  # a CRM's words may name somebody
        _log.log(level, "%s: %s; called again in %.0f s", self._destination, said, wait_s)


async def nap(wake: asyncio.Event, seconds: float) -> None:
    """Waits for something to do, at most so long."""
    try:
        async with asyncio.timeout(seconds):
            await wake.wait()
    except TimeoutError:
        return
    wake.clear()
