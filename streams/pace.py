"""How many records a cycle takes: few for an early answer, many while catching up."""

import asyncio
from typing import Final, Protocol

LEAST: Final = 256
MOST: Final = 65_536

_CYCLE_S: Final = 0.3
"""How long a cycle computes: the waits for the broker cost little beside it, and the loop is soon free."""
_LONG_CYCLE_S: Final = 2.0
"""The same far behind: a lead is decoded, explained and written once a cycle, whatever it did in it."""
_FAR_BEHIND_S: Final = 1.0
"""So much work waits that catching up soon serves all better than early answers serve some."""
_GATHER_STEPS: Final = 50
_GATHER_STEP_S: Final = 0.01


class Waiting(Protocol):
    """What an inbox says of itself."""

    def behind(self) -> int:
        """How many records wait, here and at the broker."""

    def gathers(self) -> bool:
        """Whether more is to come, and asked for."""


class Pace:
    """Sizes cycles by what a record cost in the last one."""

    def __init__(self) -> None:
        self._per_s = LEAST / _CYCLE_S  # records a second of computing, at first a guess
        self._known = False

    def learn(self, records: int, seconds: float) -> None:
        """After a cycle; one may have been lucky, and of a small one the most is not for its records."""
        if records < LEAST:
            return
        per_s = records / max(seconds, 1e-6)
        self._known = per_s <= 2 * self._per_s
        self._per_s = min(per_s, 2 * self._per_s)

    async def limit(self, inbox: Waiting) -> int:
        """How many records the next cycle may take; far behind many, once they have come."""
        seconds = _CYCLE_S
        if self._known and inbox.behind() > self._per_s * _FAR_BEHIND_S:
            seconds = _LONG_CYCLE_S
            for _ in range(_GATHER_STEPS):
                if not inbox.gathers():
                    break
                await asyncio.sleep(_GATHER_STEP_S)
        return min(max(int(self._per_s * seconds), LEAST), MOST)
