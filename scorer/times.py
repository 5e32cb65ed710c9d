"""Moments as whole microseconds since 1970 UTC, and their RFC 3339 text."""

import math
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, NewType

Micros = NewType("Micros", int)
"""A moment: microseconds since 1970-01-01T00:00:00Z. May be negative."""

SECOND: Final = 1_000_000
DAY: Final = 86_400 * SECOND
NEVER: Final = -(1 << 62)
"""A moment before every other."""
FOREVER: Final = 1 << 62
"""A moment after every other."""
_RFC_3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ](?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?)?\Z"
)
"""An offset may be short, as databases write it. Python reads more (weeks, commas, 24:00), by its version."""
_USUAL: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]):([0-5][0-9])(?:\.([0-9]+))?Z\Z"
)
"""How most times are written; events come in order of time, so that their minutes come again."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH: Final = _EPOCH.replace(tzinfo=None)
_MICROSECOND: Final = timedelta(microseconds=1)
_FIRST: Final = -719_162 * DAY
_LAST: Final = 2_932_897 * DAY - 1
"""The ends of the calendar, from year 1 to year 9999."""


def parse_time(text: str) -> Micros:
    """Reads an RFC 3339 time; without an offset it is UTC; digits past the microsecond are dropped.

    Raises ValueError where the text is no such time.

    >>> parse_time("1970-01-01T00:00:01.5Z"), parse_time("1970-01-01T01:00:00+01:00")
    (1500000, 0)
    """
    usual = _USUAL.match(text)
    if usual is not None:
        minute = _minute(usual[1])
        if minute is not None:
            part = usual[3]
            return Micros(minute + int(usual[2]) * SECOND + (int(f"{part:<06.6}") if part else 0))
    if not _RFC_3339.match(text):
        raise ValueError(f"{text[:40]!r} is not an RFC 3339 time, such as 2026-11-01T09:00:00Z")
    leap = text[17:19] == "60"
    if leap:
        text = f"{text[:17]}59{text[19:]}"
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError:
        raise ValueError(f"{text[:40]!r} is not an RFC 3339 time, such as 2026-11-01T09:00:00Z") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return Micros((moment - _EPOCH) // _MICROSECOND + leap * SECOND)


@lru_cache(maxsize=4_096)
def _minute(text: str) -> int | None:
    """When a minute, such as `2026-11-01T09:00`, begins; None where the calendar has none like it."""
    try:
        return (datetime.fromisoformat(text) - _NAIVE_EPOCH) // _MICROSECOND
    except ValueError:
        return None


def format_time(moment: int) -> str:
    """The shortest RFC 3339 text, in UTC, that keeps every microsecond.

    >>> format_time(1_500_000), format_time(0)
    ('1970-01-01T00:00:01.500000Z', '1970-01-01T00:00:00Z')
    """
    if not _FIRST <= moment <= _LAST:
        moment = _FIRST if moment < 0 else _LAST
    return (_NAIVE_EPOCH + timedelta(0, 0, moment)).isoformat() + "Z"


def ceil_second(moment: int) -> Micros:
    """The moment rounded up to a whole second.

    >>> ceil_second(1), ceil_second(2_000_000)
    (1000000, 2000000)
    """
    return Micros(-(-moment // SECOND) * SECOND)


def micros(seconds: float) -> Micros:
    """Seconds as microseconds, to the nearest."""
    return Micros(math.floor(seconds * SECOND + 0.5))
