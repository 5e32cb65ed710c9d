"""Reads moments as trackers write them: RFC 3339 text, or a number of seconds or milliseconds since 1970."""

from typing import Final

from scorer.errors import EventError
from scorer.times import Micros, parse_time

_MILLISECONDS_FROM: Final = 100_000_000_000
"""A time given as a number: from here (in the year 5138 as seconds) on it counts milliseconds."""


def moment_of(value: object) -> Micros | None:
    """The moment; None where nothing is said of it, EventError where it can't be read.

    >>> moment_of("1970-01-01T00:01:00Z"), moment_of(60), moment_of(1_793_520_000_000), moment_of("")
    (60000000, 60000000, 1793520000000000, None)
    """
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return Micros(int(value * (1_000 if abs(value) >= _MILLISECONDS_FROM else 1_000_000)))
        return parse_time(value) if isinstance(value, str) and value else None
    except (ValueError, OverflowError):
        raise EventError(f"timestamp: {str(value)[:40]!r} is no time such as 2026-11-01T09:00:00Z") from None
