"""When people do things: working hours in France, evenings for some."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

from scorer.times import DAY, SECOND, Micros

TELLS: Final = 42 * DAY
"""How much time the demonstration covers: long enough for a half-life of 14 days to show."""

PARIS: Final = ZoneInfo("Europe/Paris")
_WORKING: Final = {8: 3, 9: 10, 10: 13, 11: 11, 12: 3, 13: 4, 14: 11, 15: 10, 16: 9, 17: 7, 18: 3}
_EVENING: Final = {17: 2, 18: 4, 19: 6, 20: 9, 21: 9, 22: 5}
_SATURDAY: Final = 5


@dataclass(frozen=True)
class Hours:
    """Draws moments between the start and the end of the demonstration."""

    starts: Micros
    end: Micros

    def moment(self, rng: Random, days_ago: float, evening: bool = False) -> Micros:
        """A likely moment on the day that lies so many days before the end, or on a working day near it.

        Those who come in the evening come at week-ends too.
        """
        day = datetime.fromtimestamp((self.end - days_ago * 86_400 * SECOND) / SECOND, UTC).astimezone(PARIS)
        date = day.date()
        if not evening and date.weekday() >= _SATURDAY:
            date -= timedelta(days=date.weekday() - _SATURDAY + 1)
        weights = _EVENING if evening else _WORKING
        hour = rng.choices(list(weights), list(weights.values()))[0]
        at = datetime.combine(date, time(hour, rng.randrange(60), rng.randrange(60)), PARIS)
        while (found := Micros(int(at.timestamp()) * SECOND)) > self.end:
            at -= timedelta(days=3 if not evening and at.weekday() == 0 else 1)  # a Monday back to Friday
        return max(found, self.starts)
