"""Opening hours: when people are there to act, by days, times of day and holidays in the grid's timezone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_SEARCHED: Final = 366
"""Days, besides those closed one by one, within which something opens: each week has an open day."""


@dataclass(frozen=True)
class Hours:
    """On `days` (0 is Monday) from `opens` until `closes` (None: midnight), but for what is closed."""

    timezone: ZoneInfo
    days: frozenset[int]
    opens: time
    closes: time | None
    closed: frozenset[date] = frozenset()
    holidays: Mapping[Any, Any] | None = None
    """What says by `in` whether a date is a public holiday."""

    def next_opening(self, moment: int) -> int | None:
        """When it opens next after a moment (microseconds); None: it is open then."""
        try:
            at = _EPOCH + moment * _MICROSECOND
            if self._open(at):
                return None
            day = at.astimezone(self.timezone).date()
            for after in range(_SEARCHED + len(self.closed)):
                for begin in self._begins(day + timedelta(days=after)):
                    if begin > at and self._open(begin):
                        return (begin - _EPOCH) // _MICROSECOND
        except OverflowError:  # outside of the calendar
            pass
        return None

    def _open(self, at: datetime) -> bool:
        local = at.astimezone(self.timezone)
        clock = local.time()
        return (
            self._open_on(local.date())
            and clock >= self.opens
            and (self.closes is None or clock < self.closes)
        )

    def _open_on(self, day: date) -> bool:
        if day.weekday() not in self.days or day in self.closed:
            return False
        return self.holidays is None or day not in self.holidays

    def _begins(self, day: date) -> Iterator[datetime]:
        """When it may open on a day: twice where clocks go back, later where they leave its time out."""
        if not self._open_on(day):
            return
        wall = datetime.combine(day, self.opens, self.timezone)
        one, other = sorted((wall.astimezone(UTC), wall.replace(fold=1).astimezone(UTC)))
        yield one
        if one < other:
            low, high, offset = one, other, one.astimezone(self.timezone).utcoffset()
            while high - low > _MICROSECOND:
                middle = low + (high - low) // 2
                same = middle.astimezone(self.timezone).utcoffset() == offset
                low, high = (middle, high) if same else (low, middle)
            yield high
            yield other
