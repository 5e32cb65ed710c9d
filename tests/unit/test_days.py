"""The day of a moment is the calendar's own in every timezone, however it is remembered."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from scorer.plan import day_of
from scorer.times import parse_time

ZONES = ("Europe/Paris", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Monrovia", "Pacific/Apia", "UTC")
NEWFOUNDLAND = ZoneInfo("America/St_Johns")


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("year", [1935, 1971, 1972, 2011, 2026])
def test_a_day_begins_at_its_own_second(zone: str, year: int) -> None:
    timezone = ZoneInfo(zone)
    for month in (1, 5, 12):
        for day in (7, 30):
            begins = datetime(year, month, day, tzinfo=timezone).astimezone(UTC).timestamp()
            for second in (begins - 1, begins, begins + 86_000):
                expected = datetime.fromtimestamp(second, timezone).date()
                assert day_of(int(second * 1_000_000), timezone) == expected


@pytest.mark.parametrize(
    ("time", "day"),
    [
        ("2010-11-07T02:29:59Z", date(2010, 11, 6)),
        ("2010-11-07T02:30:30Z", date(2010, 11, 7)),
        ("2010-11-07T02:31:30Z", date(2010, 11, 6)),
        ("2010-11-07T03:30:00Z", date(2010, 11, 7)),
    ],
)
def test_clocks_set_back_a_minute_after_midnight_bring_the_day_before_again(time: str, day: date) -> None:
    assert day_of(parse_time(time), NEWFOUNDLAND) == day


@pytest.mark.parametrize(
    ("time", "zone", "day"),
    [
        ("0001-01-01T00:00:00Z", "America/New_York", date.min),
        ("9999-12-31T23:59:59Z", "Asia/Tokyo", date.max),
    ],
)
def test_the_calendar_ends_in_every_timezone(time: str, zone: str, day: date) -> None:
    assert day_of(parse_time(time), ZoneInfo(zone)) == day
