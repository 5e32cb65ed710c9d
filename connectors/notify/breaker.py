"""A circuit breaker: leaves a destination alone that takes nothing, and asks with one delivery for all."""

from typing import Final, Literal

from scorer.times import NEVER, Micros, micros

State = Literal["closed", "half-open", "open"]

FAILURES: Final = 5
"""Different deliveries that failed one after the other: a single one that can't be taken opens nothing."""
_FIRST_PAUSE_S: Final = 30.0
_LONGEST_PAUSE_S: Final = 300.0
_LONGEST_BREAK_S: Final = 3_600.0
"""How long a destination that asks for it is left alone by all; its own delivery waits for longer."""


class Breaker:
    """Says whether a destination may be tried. Closed: it may; half-open: by one delivery."""

    def __init__(self) -> None:
        self._failing: set[str] = set()
        self._pause_s = 0.0
        self._until: Micros = Micros(NEVER)
        self._probe: str | None = None

    def state(self, now: Micros) -> State:
        """As people call it."""
        if not self._pause_s:
            return "closed" if now >= self._until else "open"
        return "open" if now < self._until else "half-open"

    def admits(self, delivery: str, now: Micros) -> bool:
        """Whether a delivery may be tried now; the one that is let through half-open is the probe."""
        if now < self._until or self._probe is not None:
            return False
        if self._pause_s:
            self._probe = delivery
        return True

    def answered(self) -> bool:
        """The destination took something; whether it had been given up before."""
        was_open = self._pause_s > 0
        self._failing.clear()
        self._probe = None
        if was_open:
            self._pause_s = 0.0
            self._until = Micros(NEVER)
        return was_open

    def failed(self, delivery: str, now: Micros) -> None:
        """It did not take a delivery, for no fault of that one."""
        self._failing.add(delivery)
        if self._probe == delivery:
            self._open(min(self._pause_s * 2, _LONGEST_PAUSE_S), now)
        elif not self._pause_s and len(self._failing) >= FAILURES:
            self._open(_FIRST_PAUSE_S, now)

    def pause(self, seconds: float, now: Micros) -> None:
        """The destination asks to be left alone."""
        self._until = Micros(max(self._until, now + micros(min(seconds, _LONGEST_BREAK_S))))

    def _open(self, pause_s: float, now: Micros) -> None:
        self._probe = None
        self._pause_s = pause_s
        self._until = Micros(max(self._until, now + micros(pause_s)))

    def let_go(self, delivery: str) -> None:
        """The probe's delivery was taken away before it was answered."""
        if self._probe == delivery:
            self._probe = None
