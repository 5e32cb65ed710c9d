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
_USUAL_MINUTE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]\Z")
_MOST_MINUTES: Final = 4_096
_minutes: dict[str, int] = {}
"""When each minute, such as `2026-11-01T09:00`, begins; events come in order of time, so they come again."""
_SECONDS: Final = {f":{second:02}": second * 1_000_000 for second in range(60)}
_SECOND_TEXTS: Final = tuple(_SECONDS)
_FRACTIONS: Final = {5: 1_000, 8: 1}
"""What a digit counts at the end of `.123Z` and `.123456Z`."""
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
    minute, second = _minutes.get(text[:16]), _SECONDS.get(text[16:19])
    if minute is not None and second is not None:
        rest = text[19:]
        if rest == "Z":
            return minute + second  # type: ignore[return-value]  # a call of Micros costs as much as this all
        unit = _FRACTIONS.get(len(rest))
        if unit is not None and rest[0] == "." and rest[-1] == "Z":
            digits = rest[1:-1]
            if digits.isdecimal() and digits.isascii():
                return minute + second + int(digits) * unit  # type: ignore[return-value]
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
    _learn_minute(text)
    return Micros((moment - _EPOCH) // _MICROSECOND + leap * SECOND)


def _learn_minute(text: str) -> None:
    """Takes down when the minute of a time that could be read begins, if it is written as most are."""
    minute = text[:16]
    if _USUAL_MINUTE.match(minute):
        if len(_minutes) >= _MOST_MINUTES:
            _minutes.clear()
        _minutes[minute] = (datetime.fromisoformat(minute) - _NAIVE_EPOCH) // _MICROSECOND


def format_time(moment: int) -> str:
    """The shortest RFC 3339 text, in UTC, that keeps every microsecond.

    >>> format_time(1_500_000), format_time(0)
    ('1970-01-01T00:00:01.500000Z', '1970-01-01T00:00:00Z')
    """
    if not _FIRST <= moment <= _LAST:
        moment = _FIRST if moment < 0 else _LAST
    minute, rest = divmod(moment, 60 * SECOND)
    second, part = divmod(rest, SECOND)
    if part:
        return f"{_minute_text(minute)}{_SECOND_TEXTS[second]}.{str(part + SECOND)[1:]}Z"
    return f"{_minute_text(minute)}{_SECOND_TEXTS[second]}Z"


@lru_cache(maxsize=_MOST_MINUTES)
def _minute_text(minute: int) -> str:
    return (_NAIVE_EPOCH + timedelta(minutes=minute)).isoformat()[:16]


def ceil_second(moment: int) -> Micros:
    """The moment rounded up to a whole second.

    >>> ceil_second(1), ceil_second(2_000_000)
    (1000000, 2000000)
    """
    return Micros(-(-moment // SECOND) * SECOND)


def micros(seconds: float) -> Micros:
    """Seconds as microseconds, to the nearest."""
    return Micros(math.floor(seconds * SECOND + 0.5))
