"""What the judge lets through, and what it takes back, leaves a stream as if no robot had ever come."""

import json
from collections.abc import Iterable
from typing import Any

import pytest

from connectors.ingest.robots.judge import Judge
from connectors.ingest.robots.rules import load_rules
from scorer.grid import parse_grid
from scorer.plan import Plan
from scorer.times import SECOND, Micros
from tests.partitioned import Stream
from tests.robots.figures import Trace, arrivals, behaviours, found

RULES = load_rules()
GRID = """\
grid: b2b
version: 1
scores:
  engagement: {min: 0, max: 1000}
half_life: 14d
criteria:
  - {id: click, score: engagement, points: 20, event: email_click}
  - {id: clicks, score: engagement, points: 7, event: email_click, repeat: {at_least: 2, within: 7d}}
  - {id: open, score: engagement, points: 5, event: email_open}
  - {id: view, score: engagement, points: 3, event: page_view}
tiers:
  - {id: cold}
  - {id: hot, from: 15}
plays:
  - {id: call, when: {enters: hot}, do: [{alert: sales}]}
"""
PLAN = Plan(parse_grid(GRID, "b2b.yml"))
TRACES = {trace.name: trace for behaviour in behaviours() for trace in behaviour.traces}
_TOLD = ("score", "scores", "contributions", "tier", "as_of")


def judged(events: Iterable[dict[str, Any]]) -> Iterable[tuple[bytes, Micros]]:
    """What a gateway publishes of events, and when."""
    judge = Judge(RULES)
    for value, received in arrivals(events):
        judgement = judge.judge([value], received)
        for published in (*judgement.events, *(value for _, value in judgement.retractions)):
            yield published, received


def streamed(values: Iterable[tuple[bytes, Micros]], leads: Iterable[str] = (), end: int = 0) -> Stream:
    """A stream fed one by one; that nothing more happens to some leads is told at the end."""
    stream = Stream(PLAN)
    for value, received in values:
        stream.publish(value, received)
        stream.drain()
    for lead in leads:
        stream.publish(json.dumps({"id": "end", "type": "nothing", "lead_id": lead}).encode(), end)
        stream.drain()
    return stream


def told(stream: Stream, leads: Iterable[str]) -> dict[str, dict[str, Any]]:
    return {lead: {name: stream.scores[lead][name] for name in _TOLD} for lead in leads}


def close(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Equal, but for what numbers lose where they were added and taken away again."""
    return bool(_rounded(one) == _rounded(other))


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(inner) for name, inner in value.items()}
    return round(value, 9) if isinstance(value, float) else value


@pytest.mark.parametrize("trace", TRACES.values(), ids=TRACES.keys())
def test_a_stream_is_as_if_no_robot_had_come(trace: Trace) -> None:
    robots = found(trace.events, Judge(RULES)).keys()
    people = [event for event in trace.events if event["id"] not in robots]
    leads = sorted({event["lead_id"] for event in trace.events})
    end = max(received for _, received in arrivals(trace.events)) + SECOND
    stream = streamed(judged(trace.events), leads, end)
    without = streamed(arrivals(people), leads, end)
    assert close(told(stream, leads), told(without, leads))
    withdrawn = {alert["withdrawn"] for alert in stream.alerts.values() if "withdrawn" in alert}
    standing = [
        alert["lead_id"]
        for alert in stream.alerts.values()
        if "withdrawn" not in alert and alert["id"] not in withdrawn
    ]
    assert sorted(standing) == sorted(alert["lead_id"] for alert in without.alerts.values())
    assert not stream.dead


def test_the_alert_that_a_scan_raised_is_withdrawn() -> None:
    trace = TRACES["gateway-then-person-1"]
    scan = [event for event in trace.events if event["type"] == "email_click"][:5]
    stream = streamed(judged(trace.events[:4]))  # the delivery, and three of five links
    raised, withdrawn = stream.alerts.values()
    assert withdrawn["withdrawn"] == raised["id"]
    assert (withdrawn["from"], withdrawn["to"]) == ("hot", "cold")
    stream = streamed(judged(trace.events))
    assert [alert["lead_id"] for alert in stream.alerts.values()].count(scan[0]["lead_id"]) == 3
    assert stream.scores[trace.events[0]["lead_id"]]["tier"] == "hot"  # the person's own doing
