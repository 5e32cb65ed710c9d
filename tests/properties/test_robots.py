"""Who is a robot is the same in whatever order, and in whatever portions, events come in."""

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from connectors.ingest.robots.judge import Judge
from connectors.ingest.robots.rules import load_rules
from scorer.event import decode
from scorer.times import SECOND, Micros, format_time, parse_time
from tests.properties.effort import examples

RULES = load_rules()
T0 = parse_time("2026-09-14T07:00:00Z")
Told = dict[str, Any]
_LEADS = ("a@x.fr", "b@x.fr", "c@x.fr", "d@x.fr", "e@x.fr", "u-1")


@st.composite
def mailings(draw: st.DrawFn) -> list[Told]:
    """Some minutes of a few leads' mail: deliveries, opens and clicks, each at a moment of its own."""
    moments = draw(st.lists(st.integers(0, 400), min_size=3, max_size=14, unique=True))
    return [_event(draw, number, moment) for number, moment in enumerate(moments)]


def _event(draw: st.DrawFn, number: int, tenths: int) -> Told:
    """The first two are deliveries, to a lead each: a second one of a mail could excuse clicks."""
    delivery = number < 2
    lead = _LEADS[number] if delivery else draw(st.sampled_from(_LEADS))
    kind = "email_delivered" if delivery else draw(st.sampled_from(["email_click"] * 4 + ["email_open"]))
    context = {
        "ip": draw(st.sampled_from(["198.51.100.7", "198.51.100.8", "20.42.65.92", "67.231.152.9"])),
        "user_agent": draw(st.sampled_from(["", "Mozilla/5.0", "Mozilla/5.0 (X11) Firefox/142.0", "curl/8"])),
        "honeypot": draw(st.sampled_from([False] * 9 + [True])),
    }
    return {
        "id": f"e{number}",
        "type": kind,
        "lead_id": lead,
        "time": format_time(T0 + tenths * SECOND // 20),
        "properties": {"message_id": "m", "link": f"/{draw(st.integers(0, 5))}"},
        "context": context,
    }


def robots(events: list[Told], portions: list[int]) -> set[str]:
    """The ids of those that are taken for robots' in the end."""
    judge, found, rest = Judge(RULES), set(), list(events)
    while rest:
        size = portions.pop() if portions else len(rest)
        now, rest = rest[:size], rest[size:]
        judgement = judge.judge([json.dumps(event).encode() for event in now], Micros(T0 + 300 * SECOND))
        told = map(msgspec.json.decode, judgement.events)
        found |= {event["id"] for event in told if event["context"].get("bot")}
        found |= {str(event.id) for event, _ in judgement.retractions}
        assert all(decode(value).original().id for _, value in judgement.retractions)
    return found


@examples(60)
@given(mailings(), st.data())
def test_any_order_and_any_portions(events: list[Told], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(events))
    portions = data.draw(st.lists(st.integers(1, 5), max_size=len(events)))
    assert robots(shuffled, portions) == robots(events, [])
