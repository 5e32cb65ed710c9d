"""Reads opening hours of a grid: days, times of day, public holidays, days that are closed."""

import re
from collections.abc import Mapping
from datetime import date, time
from typing import Any, Final
from zoneinfo import ZoneInfo

from scorer.checked import Checked
from scorer.hours import DAYS, Hours
from scorer.yaml_file import Path

EXAMPLE: Final = '{days: [mon, tue, wed, thu, fri], from: "08:30", to: "18:30", holidays: FR}'
ALWAYS: Final = "always"
_FIELDS: Final = {"days": True, "from": True, "to": True, "holidays": False, "closed": False}
_CLOCK: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])\Z")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_MOST_CLOSED: Final = 1_000


def read_hours(check: Checked, spec: Any, path: Path, timezone: ZoneInfo) -> Hours | None:
    """Opening hours at a path; None where it is always open."""
    if spec == ALWAYS:
        return None
    fields = check.mapping(spec, path, _FIELDS, f"{ALWAYS}, or {EXAMPLE}")
    if not fields:
        return None
    opens = _clock(check, fields["from"], (*path, "from")) if "from" in fields else None
    closes = _clock(check, fields["to"], (*path, "to"), midnight=True) if "to" in fields else None
    if opens and closes and closes <= opens:
        said = f"not after {opens:%H:%M}: expected a later time of the same day, at most 24:00"
        check.report((*path, "to"), said)
    return Hours(
        timezone,
        days=_days(check, fields["days"], (*path, "days")) if "days" in fields else frozenset(),
        opens=opens or time(0),
        closes=closes,
        closed=_closed(check, fields["closed"], (*path, "closed")) if "closed" in fields else frozenset(),
        holidays=_holidays(check, fields["holidays"], (*path, "holidays")) if "holidays" in fields else None,
    )


def _clock(check: Checked, value: Any, path: Path, *, midnight: bool = False) -> time | None:
    """A time of day; None for 24:00, where the day's end is meant, and for what is none."""
    if midnight and value == "24:00":
        return None
    found = _CLOCK.match(value) if isinstance(value, str) else None
    if found is None:
        check.report(path, 'expected a time of day, such as "08:30"')
        return None
    return time(int(found[1]), int(found[2]))


def _days(check: Checked, value: Any, path: Path) -> frozenset[int]:
    if not isinstance(value, list) or not value:
        check.report(path, f"expected a list of days, such as [{', '.join(DAYS[:5])}]")
        return frozenset()
    for index, day in enumerate(value):
        if day not in DAYS:
            check.report((*path, index), f"no such day {day!r}: expected one of {', '.join(DAYS)}")
    return frozenset(DAYS.index(day) for day in value if day in DAYS)


def _closed(check: Checked, value: Any, path: Path) -> frozenset[date]:
    if not isinstance(value, list) or len(value) > _MOST_CLOSED:
        check.report(path, f"expected a list of at most {_MOST_CLOSED:,} dates, such as [2026-12-24]")
        return frozenset()
    found = set()
    for index, text in enumerate(value):
        try:
            if not isinstance(text, str) or not _DAY.match(text):
                raise ValueError
            found.add(date.fromisoformat(text))
        except ValueError:
            check.report((*path, index), f"{text!r} is no date: expected one such as 2026-12-24")
    return frozenset(found)


def _holidays(check: Checked, value: Any, path: Path) -> Mapping[Any, Any] | None:
    """The public holidays of a country (FR), or of a part of it (FR-57)."""
    import holidays  # here, since it takes a fifth of a second, and most grids do without

    country, _, part = value.partition("-") if isinstance(value, str) else ("", "", "")
    parts = holidays.list_supported_countries(include_aliases=False)
    if len(country) != 2 or country not in parts:
        check.report(path, f"no holidays are known of {value!r}: expected a country, such as FR")
    elif part and part not in parts[country]:
        check.report(path, f"no part {part} of {country} is known: {check.choice(part, parts[country])}")
    else:
        return holidays.country_holidays(country, subdiv=part or None)
    return None
