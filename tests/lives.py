"""Processes in lives, each ended as by kill -9 between two of its steps; the one after the last goes on.

A step is a method by which something leaves the process, which may be killed before it is called and after it
has returned. A process takes up the next of its role's lives by a file: who starts it anew need not count.
"""

import functools
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_STRIDE: Final = 29
"""So that a few lives end early and late, and many at every moment: a prime."""

Act = Callable[..., Awaitable[Any]]
Method = tuple[type, str]
"""A class, and the name of a coroutine of it."""


@dataclass
class Death:
    """Kills this process at its n-th moment: each step has one before and one after it."""

    number: int
    counts: bool = True
    """Whether it has come so far that its moments are counted."""
    _gone: int = 0

    def among(self, steps: Sequence[Method]) -> None:
        """Has these steps counted."""
        for owner, name in steps:
            setattr(owner, name, self._between(getattr(owner, name)))

    def counted_from(self, method: Method, when: Callable[..., bool]) -> None:
        """Counts nothing before this method is called with what `when` says yes to."""
        owner, name = method
        act: Act = getattr(owner, name)
        self.counts = False

        @functools.wraps(act)
        async def beginning(*given: Any, **named: Any) -> Any:
            self.counts = self.counts or when(*given, **named)
            return await act(*given, **named)

        setattr(owner, name, beginning)

    def _between(self, act: Act) -> Act:
        @functools.wraps(act)
        async def stepping(*given: Any, **named: Any) -> Any:
            self._moment()
            try:
                return await act(*given, **named)
            finally:
                self._moment()

        return stepping

    def _moment(self) -> None:
        self._gone += self.counts
        if self._gone == self.number:
            os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class Lives:
    """The lives of one role, one process at a time."""

    file: Path
    """A line for each that has begun: the moment at which it ends."""
    count: int
    """How many are killed."""
    moments: int
    """They end at one up to this, each at another."""

    @property
    def ended(self) -> int:
        """How many have been killed."""
        return max(0, self._begun - 1)

    @property
    def over(self) -> bool:
        """The one that goes on has begun."""
        return self._begun > self.count

    @property
    def arguments(self) -> list[str]:
        """What a process is told."""
        return [str(self.file), str(self.count), str(self.moments)]

    @classmethod
    def told(cls, arguments: Sequence[str]) -> "Lives":
        """What a process understands."""
        file, count, moments = arguments
        return cls(Path(file), int(count), int(moments))

    def next(self) -> Death | None:
        """How this process, which is the next life, ends; None: not so."""
        begun = self._begun
        death = Death(1 + begun * _STRIDE % self.moments) if begun < self.count else None
        with self.file.open("a") as file:
            file.write(f"{death.number if death else 'goes on'}\n")
        return death

    @property
    def _begun(self) -> int:
        return len(self.file.read_text().splitlines()) if self.file.exists() else 0
