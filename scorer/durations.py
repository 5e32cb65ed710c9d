"""Durations as people write them in a grid: 30m, 24h, 7d, 1.5w."""

import re
from typing import Final

_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}
_FORM: Final = re.compile(r"(\d+(?:\.\d+)?)([smhdw])\Z")
_LONGEST: Final = 86_400.0 * 365_250
"""A thousand years: beyond it moments would leave the calendar."""


def parse_duration(text: str) -> float:
    """Seconds of a duration; a day is 86,400 s. Raises ValueError where the text is none.

    >>> parse_duration("7d"), parse_duration("1.5h")
    (604800.0, 5400.0)
    """
    found = _FORM.match(text)
    if not found:
        raise ValueError(f"{text!r} is no duration: expected a number and s, m, h, d or w, such as 7d")
    seconds = float(found[1]) * _UNITS[found[2]]
    if seconds > _LONGEST:
        raise ValueError(f"{text!r} is too long: expected at most a thousand years")
    return seconds
