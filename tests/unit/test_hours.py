"""Opening hours: the next opening after a moment, over weekends, holidays and clocks that change."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.grid import parse_grid
from scorer.hours import Hours
from scorer.times import format_time, parse_time
from tests.properties.effort import examples

OFFICE = (
    'hours: {days: [mon, tue, wed, thu, fri], from: "08:30", to: 18:30, holidays: FR, closed: [2026-12-24]}'
)
GRID = f"""\
grid: b2b
version: 1
timezone: Europe/Paris
scores: {{s: {{}}}}
criteria:
  - {{id: view, score: s, points: 1, event: page_view}}
tiers: [{{id: cold}}]
{OFFICE}
plays:
  - {{id: office, when: {{happens: view}}, do: [{{task: {{call: back, within: 4h, escalate: managers}}}}]}}
  - {{id: night, when: {{happens: view}}, hours: always, do: [{{webhook: flow}}]}}
  - id: own
    when: {{happens: view}}
    hours: {{days: [sun], from: 00:00, to: 24:00}}
    do: [{{assign: {{by: territory, team: sales}}}}, {{nurture: {{stop: keep-warm}}}}]
"""
OFFICE_HOURS, NIGHT, OWN = (play.hours for play in parse_grid(GRID).plays)


@pytest.mark.parametrize(
    ("at", "due"),
    [
        ("2026-11-02T07:29:59Z", "2026-11-02T07:30:00Z"),
        ("2026-11-02T07:30:00Z", None),
        ("2026-11-02T17:29:59.999999Z", None),
        ("2026-11-02T17:30:00Z", "2026-11-03T07:30:00Z"),
        ("2026-11-06T18:00:00Z", "2026-11-09T07:30:00Z"),  # Friday evening
        ("2026-10-23T18:00:00Z", "2026-10-26T07:30:00Z"),  # clocks go back on the Sunday
        ("2026-03-27T18:00:00Z", "2026-03-30T06:30:00Z"),  # and forward
        ("2026-07-14T09:00:00Z", "2026-07-15T06:30:00Z"),  # a public holiday
        ("2026-12-23T18:00:00Z", "2026-12-28T07:30:00Z"),  # closed, Christmas, weekend
    ],
)
def test_the_next_opening_of_an_office(at: str, due: str | None) -> None:
    assert OFFICE_HOURS is not None
    found = OFFICE_HOURS.next_opening(parse_time(at))
    assert (None if found is None else format_time(found)) == due


def test_a_play_has_hours_of_its_own_or_none() -> None:
    assert NIGHT is None
    assert OWN is not None
    assert OWN.next_opening(parse_time("2026-11-08T22:59:59Z")) is None
    assert OWN.next_opening(parse_time("2026-11-08T23:00:00Z")) == parse_time("2026-11-14T23:00:00Z")


ZONES = ["UTC", "Europe/Paris", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Cairo"]
MINUTE = 60_000_000


@examples(150)
@given(
    st.sampled_from(ZONES),
    st.frozensets(st.integers(0, 6), min_size=1),
    st.integers(0, 22 * 2),
    st.integers(1, 8),
    st.sampled_from(["2018-11-04", "2017-10-15", "2026-03-29", "2026-10-25", "2026-04-05", "2026-04-24"]),
    st.integers(-2 * 1_440, 1_440),
)
def test_it_is_the_first_open_minute(
    zone: str, days: frozenset[int], begins: int, lasts: int, near: str, before: int
) -> None:
    """Found naively, minute by minute, around moments at which clocks change somewhere."""
    opens = time(begins // 2, begins % 2 * 30)
    ends = min(begins + lasts, 48)
    closes = None if ends == 48 else time(ends // 2, ends % 2 * 30)
    hours = Hours(ZoneInfo(zone), days, opens, closes, frozenset({date.fromisoformat(near) - timedelta(1)}))
    start = datetime.fromisoformat(near).replace(tzinfo=UTC) + timedelta(minutes=before)
    expected = next(n for n in range(10 * 1_440) if _is_open(hours, start + timedelta(minutes=n)))
    moment = int(start.timestamp()) * 1_000_000
    assert hours.next_opening(moment) == (moment + expected * MINUTE if expected else None)


def _is_open(hours: Hours, at: datetime) -> bool:
    local = at.astimezone(hours.timezone)
    clock = local.hour * 60 + local.minute
    opens = hours.opens.hour * 60 + hours.opens.minute
    closes = hours.closes.hour * 60 + hours.closes.minute if hours.closes else 1_440
    return local.weekday() in hours.days and local.date() not in hours.closed and opens <= clock < closes
