"""A robot's event is taken back: its points, the tier that it led to, the alert that it raised."""

import json
from typing import Any

import pytest

from scorer.errors import EventError
from scorer.event import decode
from scorer.grid import parse_grid
from scorer.plan import Plan
from scorer.times import DAY, SECOND, format_time, parse_time
from tests.partitioned import Stream

GRID = """\
grid: b2b
version: 1
scores:
  engagement: {min: 0, max: 100}
criteria:
  - {id: click, score: engagement, points: 20, event: email_click}
  - {id: view, score: engagement, points: 20, event: page_view}
  - {id: silent, score: engagement, points: -15, absent: {for: 30d}}
  - {id: twice, score: engagement, points: 5, event: email_open,
     repeat: {at_least: 2, within: 7d, distinct: day}}
tiers:
  - {id: cold}
  - {id: hot, from: 40}
hysteresis: 10
plays:
  - {id: call, when: {enters: hot}, cooldown: 24h, do: [{alert: sales}]}
  - {id: keep, when: {leaves: hot}, do: [{nurture: warm}]}
"""
T0 = parse_time("2026-11-02T09:00:00Z")


@pytest.fixture
def stream() -> Stream:
    return Stream(Plan(parse_grid(GRID)))


def told(name: str, kind: str, after: int = 0, **more: Any) -> dict[str, Any]:
    return {"id": name, "type": kind, "lead_id": "u-1", "time": format_time(T0 + after), **more}


def retraction(event: dict[str, Any], **more: Any) -> dict[str, Any]:
    return told(f"r-{event['id']}", "retract", properties={"event": event}, **more)


def happen(stream: Stream, *events: dict[str, Any], after: int = 0) -> None:
    for event in events:
        stream.publish(json.dumps(event).encode(), T0 + after)
        stream.drain()


def alerts(stream: Stream) -> list[tuple[str, str, str]]:
    return [(alert["play"], alert["from"], alert["to"]) for alert in stream.alerts.values()]


def test_an_alert_that_a_robot_raised_is_withdrawn(stream: Stream) -> None:
    click = told("c", "email_click", 10 * SECOND)
    happen(stream, told("v", "page_view"))
    happen(stream, click, after=10 * SECOND)
    assert stream.scores["u-1"]["tier"] == "hot"
    happen(stream, retraction(click), after=60 * SECOND)
    record = stream.scores["u-1"]
    assert (record["tier"], record["score"], record["since"]) == ("cold", 20.0, format_time(T0))
    raised, withdrawn = stream.alerts.values()
    assert withdrawn["withdrawn"] == raised["id"] != withdrawn["id"]
    assert (withdrawn["play"], withdrawn["from"], withdrawn["to"]) == ("call", "hot", "cold")
    assert withdrawn["do"] == raised["do"]
    assert withdrawn["at"] == format_time(T0 + 60 * SECOND)


def test_what_was_withdrawn_holds_no_later_alert_back(stream: Stream) -> None:
    click = told("c", "email_click")
    happen(stream, told("v", "page_view"), click, retraction(click))
    happen(stream, told("w", "page_view", 3_600 * SECOND), after=3_600 * SECOND)
    assert alerts(stream) == [("call", "cold", "hot"), ("call", "hot", "cold"), ("call", "cold", "hot")]


def test_an_alert_that_stands_without_it_is_left(stream: Stream) -> None:
    click = told("c", "email_click")
    happen(stream, told("v", "page_view"), click, told("w", "page_view"), retraction(click))
    assert stream.scores["u-1"]["tier"] == "hot"
    assert alerts(stream) == [("call", "cold", "hot")]


def test_an_alert_goes_once_the_last_event_that_upheld_it_goes(stream: Stream) -> None:
    first, second = told("c", "email_click"), told("d", "email_click", 20 * SECOND)
    happen(stream, told("v", "page_view"), first)
    happen(stream, second, after=20 * SECOND)
    happen(stream, retraction(first), after=40 * SECOND)
    assert (stream.scores["u-1"]["tier"], len(stream.alerts)) == ("hot", 1)
    happen(stream, retraction(second), after=60 * SECOND)
    assert stream.scores["u-1"]["tier"] == "cold"
    assert alerts(stream) == [("call", "cold", "hot"), ("call", "hot", "cold")]


def test_without_an_alert_of_its_own_the_tier_is_left_as_by_time(stream: Stream) -> None:
    clicks = [told(name, "email_click") for name in ("c", "d")]
    happen(stream, *clicks[:1], told("v", "page_view"))
    assert alerts(stream) == [("call", "cold", "hot")]
    happen(stream, retraction(clicks[0]))
    assert alerts(stream)[1:] == [("keep", "hot", "cold")]


def test_it_counts_once_and_also_before_what_it_takes_back(stream: Stream) -> None:
    click, other = told("c", "email_click"), told("d", "email_click")
    happen(stream, told("v", "page_view"), other)
    happen(stream, retraction(click), click, retraction(click), {**retraction(click), "id": "again"})
    assert stream.scores["u-1"]["score"] == 40.0


def test_what_a_visitor_did_is_taken_back_from_the_lead(stream: Stream) -> None:
    who = {"lead_id": None, "anonymous_id": "a-1"}
    click = told("c", "email_click", **who)
    happen(stream, click, told("i", "identify", anonymous_id="a-1"), told("v", "page_view"))
    assert stream.scores["u-1"]["score"] == 40.0
    happen(stream, retraction(click, **who))
    assert stream.scores["u-1"]["score"] == 20.0
    assert "a-1" not in stream.scores


def test_a_silence_that_a_robot_broke_goes_on(stream: Stream) -> None:
    happen(stream, told("v", "page_view"))
    burst = [told(f"c{number}", "email_click", 31 * DAY + number * SECOND) for number in range(40)]
    happen(stream, *burst, after=31 * DAY + 60 * SECOND)
    assert "silent" not in stream.scores["u-1"]["contributions"]
    happen(stream, *map(retraction, burst), after=31 * DAY + 90 * SECOND)
    record = stream.scores["u-1"]
    assert record["contributions"] == {"view": 20.0, "silent": -15.0}


def test_a_day_keeps_its_other_opens(stream: Stream) -> None:
    opens = [told(f"o{number}", "email_open", after) for number, after in enumerate((0, 3_600 * SECOND, DAY))]
    happen(stream, *opens, after=DAY)
    happen(stream, retraction(opens[1]), after=DAY)
    assert stream.scores["u-1"]["contributions"] == {"twice": 5.0}
    happen(stream, retraction(opens[0]), after=DAY)
    assert stream.scores["u-1"]["contributions"] == {}


def test_a_marked_event_scores_nothing_and_is_counted_as_a_robots(stream: Stream) -> None:
    happen(stream, told("v", "page_view"), told("c", "email_click", context={"bot": True}))
    assert stream.scores["u-1"]["score"] == 20.0
    happen(stream, told("c", "email_click"))
    assert stream.scores["u-1"]["score"] == 20.0


@pytest.mark.parametrize(
    ("properties", "says"),
    [
        (None, "properties.event: missing"),
        ({"event": 7}, "properties.event: expected a JSON object"),
        ({"event": told("", "email_click")}, "id: missing"),
        ({"event": told("i", "identify")}, "identify can't be taken back"),
        ({"event": told("r", "retract")}, "retract can't be taken back"),
        ({"event": told("c", "email_click", lead_id="u-2")}, "expected those of properties.event"),
    ],
)
def test_says_what_is_wrong_with_it(properties: dict[str, Any] | None, says: str) -> None:
    value = json.dumps(told("r", "retract", properties=properties)).encode()
    with pytest.raises(EventError, match=says):
        decode(value)
