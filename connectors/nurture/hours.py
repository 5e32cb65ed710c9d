"""When mails may go out: working days and hours of a time zone, without public holidays."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import holidays

from scorer.times import SECOND, Micros

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FURTHEST_DAYS: Final = 60
"""Longer than any run of days off."""


@dataclass(frozen=True)
class Hours:
    """On which days, from when to when; `country`: whose public holidays are days off."""

    timezone: str = "UTC"
    days: frozenset[int] = frozenset(range(5))
    opens: time = time(9)
    closes: time = time(18)
    country: str | None = None

    def next_open(self, moment: int) -> Micros:
        """The moment itself, where mails may go out then, else the next at which they may.

        >>> from scorer.times import format_time, parse_time
        >>> paris = Hours("Europe/Paris")
        >>> format_time(paris.next_open(parse_time("2026-11-06T17:30:00Z")))  # a Friday evening
        '2026-11-09T08:00:00Z'
        >>> paris.next_open(parse_time("2026-11-09T12:00:00Z")) == parse_time("2026-11-09T12:00:00Z")
        True
        """
        zone = ZoneInfo(self.timezone)
        here = datetime.fromtimestamp(moment / SECOND, zone)
        for ahead in range(_FURTHEST_DAYS):
            day = here.date() + timedelta(days=ahead)
            if day.weekday() not in self.days or (self.country and _off(day, self.country)):
                continue
            opens = _at(day, self.opens, zone)
            if moment < opens:
                return opens
            if moment < _at(day, self.closes, zone):
                return Micros(moment)
        return Micros(moment)  # a country that never works: better late than never


def _at(day: date, hour: time, zone: ZoneInfo) -> Micros:
    """The first moment of a day at which its clocks show an hour, or have gone past it."""
    shown = datetime.combine(day, hour, zone)
    return Micros(int(shown.astimezone(UTC).timestamp() * SECOND))


@lru_cache(maxsize=4_096)
def _off(day: date, country: str) -> bool:
    return day in holidays.country_holidays(country, years=day.year)
