"""Plays that watch a score, a criterion or a gain: when they go off, and when again."""

import json
from typing import Any

import pytest

from scorer.grid import parse_grid
from scorer.plan import Plan
from scorer.silence import header
from scorer.times import DAY, SECOND, Micros, format_time, parse_time
from tests.partitioned import Stream

GRID = """\
grid: b2b
version: 1
scores:
  fit: {min: -50, max: 60}
  engagement: {min: 0, max: 100}
criteria:
  - {id: click, score: engagement, points: 20, event: email_click}
  - {id: view, score: engagement, points: 20, event: page_view, half_life: 7d}
  - {id: slow, score: engagement, points: 1, event: form_submit}
  - {id: complaint, score: engagement, points: -30, event: unsubscribe}
  - {id: detractor, score: engagement, points: 0, event: nps, where: {rating: {lte: 6}},
     lead: {company: {exists: true}}}
  - {id: minutes, score: engagement, points: 0, event: page_time, per: {duration_s: 60}}
  - {id: chief, score: fit, points: 20, lead: {title: CEO}}
  - {id: silent, score: fit, points: 0, absent: {for: 30d}, event: [page_view, email_click]}
  - {id: twice, score: fit, points: 0, event: email_open, repeat: {at_least: 2, within: 7d}}
tiers:
  - {id: cold}
  - {id: hot, from: 1000}
hysteresis: 5
plays:
"""
T0 = parse_time("2026-11-02T09:00:00Z")
HOUR = 3_600 * SECOND


def stream_of(when: str, more: str = "") -> Stream:
    play = f"  - {{id: p, when: {when}, do: [{{alert: sales}}]{more}}}\n"
    return Stream(Plan(parse_grid(GRID + play)))


def happen(stream: Stream, kind: str, after: int = 0, **more: Any) -> dict[str, Any]:
    """An event that happens and arrives so long after the start."""
    number = sum(map(len, stream.log.values()))
    event = {"id": f"e{number}", "type": kind, "lead_id": "u-1", "time": format_time(T0 + after), **more}
    stream.publish(json.dumps(event).encode(), T0 + after)
    stream.drain()
    return event


def take_back(stream: Stream, event: dict[str, Any], after: int) -> None:
    who = {"lead_id": "u-1"}
    told = {"id": f"r{event['id']}", "type": "retract", **who, "properties": {"event": event}}
    stream.publish(json.dumps(told).encode(), T0 + after)
    stream.drain()


def at(stream: Stream) -> list[int]:
    """When its alerts went off, after the start."""
    return sorted(parse_time(one["at"]) - T0 for one in stream.alerts.values() if "withdrawn" not in one)


def withdrawn(stream: Stream) -> list[str]:
    return [one["withdrawn"] for one in stream.alerts.values() if "withdrawn" in one]


def test_a_score_that_rises_goes_off_once_until_it_was_below_by_more_than_the_hysteresis() -> None:
    stream = stream_of("{score: {rises_to: 40}}")
    happen(stream, "page_view")
    happen(stream, "page_view")
    happen(stream, "email_click", HOUR)
    assert at(stream) == [0]
    (alert,) = stream.alerts.values()
    assert (alert["from"], alert["to"], alert["score"]) == ("cold", "cold", 40.0)
    happen(stream, "page_view", 12 * DAY)  # 20 + 12.2 before it: below 35
    assert at(stream) == [0, 12 * DAY]


def test_on_the_edge_it_does_not_flutter() -> None:
    stream = stream_of("{score: {rises_to: 40}}")
    happen(stream, "email_click")
    happen(stream, "page_view")
    happen(stream, "form_submit", 2 * DAY)  # 36.4 and 1
    happen(stream, "page_view", 2 * DAY)
    assert at(stream) == [0]


def test_a_score_that_falls_goes_off_at_the_exact_moment_that_time_takes_it_there() -> None:
    stream = stream_of("{score: {falls_below: 10, of: engagement}}")
    happen(stream, "page_view")
    stream.advance(T0 + 30 * DAY)
    (fell,) = at(stream)
    assert 0 <= fell - 7 * DAY < 1_000  # it is met from a billionth below
    happen(stream, "page_view", 30 * DAY)
    stream.advance(T0 + 60 * DAY)
    assert len(at(stream)) == 2


def test_a_score_that_was_never_there_does_not_fall_below() -> None:
    stream = stream_of("{score: {falls_below: 18}}")
    happen(stream, "page_view")  # 20, which is not 18 and the hysteresis
    stream.advance(T0 + 30 * DAY)
    assert at(stream) == []


def test_each_event_of_a_behaviour_goes_off_while_its_gate_holds() -> None:
    stream = stream_of("{happens: detractor}")
    happen(stream, "nps", properties={"rating": 3})
    happen(stream, "identify", HOUR, traits={"company": "Acme"})
    for after, rating in enumerate((3, 9, 6), 2):
        happen(stream, "nps", after * HOUR, properties={"rating": rating})
    assert at(stream) == [2 * HOUR, 4 * HOUR]


def test_a_copy_goes_off_once_and_a_late_event_when_it_arrives() -> None:
    stream = stream_of("{happens: click}")
    event = happen(stream, "email_click", time=format_time(T0 - 9 * DAY))
    stream.publish(json.dumps(event).encode(), T0 + HOUR)
    stream.drain()
    assert at(stream) == [0]


def test_an_amount_of_nothing_does_not_happen() -> None:
    stream = stream_of("{happens: minutes}")
    happen(stream, "page_time", properties={"duration_s": 0})
    happen(stream, "page_time", HOUR, properties={"duration_s": 30})
    assert at(stream) == [HOUR]


def test_a_cooldown_holds_for_every_kind() -> None:
    stream = stream_of("{happens: click}", ", cooldown: 2h")
    for after in (0, 1, 2, 3):
        happen(stream, "email_click", after * HOUR)
    assert at(stream) == [0, 2 * HOUR]


def test_an_absence_begins_by_time_again_after_each_match() -> None:
    stream = stream_of("{happens: silent}")
    happen(stream, "page_view")
    stream.advance(T0 + 40 * DAY)
    happen(stream, "email_click", 40 * DAY)
    stream.advance(T0 + 90 * DAY)
    assert at(stream) == [30 * DAY, 70 * DAY]


def test_a_repetition_begins_with_the_event_that_completes_it() -> None:
    stream = stream_of("{happens: twice}")
    for after in (0, 1, 2, 20, 21):
        happen(stream, "email_open", after * DAY)
    assert at(stream) == [1 * DAY, 21 * DAY]


def test_what_is_explicit_begins_with_a_trait() -> None:
    stream = stream_of("{happens: chief}")
    for after, title in enumerate(("CTO", "CEO", "CEO", "CTO", "CEO")):
        happen(stream, "identify", after * HOUR, traits={"title": title})
    assert at(stream) == [1 * HOUR, 4 * HOUR]


def test_a_gain_is_counted_from_what_it_was_before_the_first_event() -> None:
    stream = stream_of("{gains: 20, within: 1d}")
    happen(stream, "identify", traits={"title": "CEO"})
    assert at(stream) == [0]


def test_a_gain_within_the_window_only() -> None:
    stream = stream_of("{gains: 6, within: 1d}")
    for after in range(40):
        happen(stream, "form_submit", after * 5 * HOUR)  # 5 in a day and its first hour
    assert at(stream) == []
    happen(stream, "form_submit", 39 * 5 * HOUR + 1)
    assert at(stream) == [39 * 5 * HOUR + 1]


def test_a_gain_is_armed_again_once_it_is_less_by_the_hysteresis() -> None:
    stream = stream_of("{gains: 20, within: 1d}")
    for after in (0, 1, 2, 3):
        happen(stream, "email_click", after * HOUR)
    assert at(stream) == [0]
    happen(stream, "email_click", 30 * HOUR)
    assert at(stream) == [0, 30 * HOUR]


def test_what_takes_points_makes_a_new_low() -> None:
    stream = stream_of("{gains: 20, within: 1d}")
    for _ in range(3):
        happen(stream, "email_click")
    happen(stream, "form_submit", 5 * DAY)
    happen(stream, "unsubscribe", 5 * DAY + 1)
    happen(stream, "email_click", 5 * DAY + 2)
    assert at(stream) == [0, 5 * DAY + 2]


def test_points_that_come_back_by_themselves_count_as_gained() -> None:
    """The mail alone adds too little to ask."""
    grid = GRID.replace("silent, score: fit, points: 0", "silent, score: fit, points: -12")
    play = "  - {id: p, when: {gains: 12, within: 1d}, do: [{alert: sales}]}\n"
    stream = Stream(
        Plan(
            parse_grid(grid.replace("points: 20, event: email_click", "points: 1, event: email_click") + play)
        )
    )
    happen(stream, "email_click")
    stream.advance(T0 + 31 * DAY)
    happen(stream, "form_submit", 40 * DAY)
    happen(stream, "email_click", 40 * DAY + 1)
    assert at(stream) == [40 * DAY + 1]


@pytest.mark.parametrize(
    ("when", "robot"),
    [
        ("{happens: click}", "email_click"),
        ("{score: {rises_to: 20}}", "email_click"),
        ("{gains: 20, within: 1d}", "email_click"),
        ("{happens: twice}", "email_open"),
    ],
)
def test_what_a_robot_set_off_is_withdrawn_and_holds_nothing_back(when: str, robot: str) -> None:
    stream = stream_of(when, ", cooldown: 1d")
    happen(stream, "form_submit")
    happen(stream, "email_open")
    event = happen(stream, robot, HOUR)
    (alert,) = stream.alerts.values()
    take_back(stream, event, HOUR + 60 * SECOND)
    assert withdrawn(stream) == [alert["id"]]
    happen(stream, robot, 2 * HOUR)
    assert at(stream) == [HOUR, 2 * HOUR]


def test_what_stands_without_the_robot_is_left_until_the_last_that_upholds_it_goes() -> None:
    stream = stream_of("{score: {rises_to: 20}}")
    first = happen(stream, "email_click")
    second = happen(stream, "email_click", 20 * SECOND)
    take_back(stream, first, 40 * SECOND)
    assert withdrawn(stream) == []
    take_back(stream, second, 60 * SECOND)
    assert withdrawn(stream) == list(stream.alerts)[:1]


def test_a_score_that_only_a_robot_raised_does_not_fall() -> None:
    stream = stream_of("{score: {falls_below: 15}}")
    event = happen(stream, "email_click")
    take_back(stream, event, 60 * SECOND)
    stream.advance(T0 + 60 * DAY)
    assert stream.alerts == {}


@pytest.mark.parametrize("when", ["{score: {rises_to: 20}}", "{gains: 20, within: 1d}", "{happens: click}"])
def test_history_sets_nothing_off(when: str) -> None:
    stream = stream_of(when)
    event = {"id": "e", "type": "email_click", "lead_id": "u-1", "time": format_time(T0)}
    stream.publish(json.dumps(event).encode(), T0, headers=(header(Micros(T0 + DAY)),))
    stream.drain()
    stream.advance(T0 + 2 * DAY)
    assert stream.alerts == {}


def test_a_changed_grid_sets_latches_silently() -> None:
    stream = stream_of("{score: {rises_to: 1000}}")
    happen(stream, "email_click")
    plan = Plan(parse_grid(GRID + "  - {id: p, when: {score: {rises_to: 20}}, do: [{alert: sales}]}\n"))
    for number, shard in enumerate(stream.shards):
        stream.write(number, shard.regrid(plan))
    stream.advance(T0 + HOUR)
    happen(stream, "email_click", 2 * HOUR)
    assert stream.alerts == {}


def test_two_that_become_one_rise_from_the_higher_of_their_lows() -> None:
    stream = stream_of("{gains: 25, within: 1d}")
    who = {"lead_id": None, "anonymous_id": "a-1"}
    for after in range(3):
        happen(stream, "email_click", after * 2 * DAY, **who)
    happen(stream, "identify", 4 * DAY + HOUR, anonymous_id="a-1", traits={"title": "CTO"})
    assert stream.scores["u-1"]["score"] == 60.0
    assert at(stream) == []
    happen(stream, "email_click", 4 * DAY + 2 * HOUR)  # 80, from 40 before the third
    assert at(stream) == [4 * DAY + 2 * HOUR]


def test_outside_of_hours_an_alert_says_when_they_open_and_until_when_it_counts() -> None:
    hours = ', hours: {days: [mon, fri], from: "10:00", to: "18:00"}, expires: 2h'
    stream = stream_of("{happens: click}", hours)
    happen(stream, "email_click")  # Monday at 9:00
    happen(stream, "email_click", HOUR)
    happen(stream, "email_click", 9 * HOUR)
    told = {one["at"][8:16]: (one.get("due"), one["expires"]) for one in stream.alerts.values()}
    assert told == {
        "02T09:00": ("2026-11-02T10:00:00Z", "2026-11-02T11:00:00Z"),
        "02T10:00": (None, "2026-11-02T12:00:00Z"),
        "02T18:00": ("2026-11-06T10:00:00Z", "2026-11-02T20:00:00Z"),
    }
