"""Forgetting changes no score of anybody known, whatever is killed or comes again."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from scorer.grid import parse_grid
from scorer.plan import Plan
from scorer.times import DAY, format_time, parse_time
from tests.partitioned import Stream
from tests.properties.effort import examples

PLAN = Plan(
    parse_grid("""\
grid: b2b
version: 1
scores:
  engagement: {min: -1000, max: 1000}
half_life: 3d
criteria:
  - {id: view, score: engagement, points: 20, event: page_view}
  - {id: twice, score: engagement, points: 7, event: page_view, repeat: {at_least: 2, within: 30d}}
  - {id: mail, score: engagement, points: 5, event: email_open, half_life: 10d, max: 20}
tiers:
  - {id: cold}
  - {id: hot, from: 30}
plays:
  - {id: call, when: {enters: hot}, do: [{alert: sales}]}
""")
)
T0 = parse_time("2024-01-01T00:00:00Z")

_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["page_view", "page_view", "email_open", "identify", "copy", "wait", "kill"]),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["u", "v", None, None]),
        st.sampled_from([0, 1, 40, 120, 500]),
    ),
    max_size=30,
)


def _event(number: int, kind: str, anonymous: str, lead: str | None, moment: int) -> bytes:
    told: dict[str, Any] = {"id": f"e{number}", "type": kind, "time": format_time(moment)}
    told["anonymous_id"] = anonymous
    if lead is not None:
        told["lead_id"] = lead
    return json.dumps(told).encode()


def _close(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return abs(one["score"] - other["score"]) < 1e-6 and one["tier"] == other["tier"]


@given(_STEPS)
@examples(150)
def test_known_leads_stand_as_if_nobody_had_been_forgotten(
    steps: list[tuple[str, str, str | None, int]],
) -> None:
    streams = [Stream(PLAN), Stream(PLAN, forget_after=60 * DAY)]
    now, last = T0, b""
    for number, (kind, anonymous, lead, days) in enumerate(steps):
        now += days * DAY
        value = last if kind == "copy" else _event(number, kind, anonymous, lead, now)
        for stream in streams:
            stream.advance(now)
            stream.forget()
            if kind == "kill":
                stream.kill(number % 3)
            elif kind != "wait" and value:
                stream.publish(value, now)
                stream.drain()
        last = value if kind not in ("wait", "kill") else last
        if days > 1:
            last = b""  # a copy so late is an event of somebody new
    kept, forgot = streams
    for number, name in enumerate(sorted(forgot.scores)):  # so that all are as of now
        for stream in streams:
            stream.publish(_event(1_000 + number, "email_open", name, None, now), now)
            stream.drain()
    for name in forgot.scores:
        assert _close(kept.scores[name], forgot.scores[name])
    assert forgot.scores.keys() >= kept.scores.keys() & {"u", "v"}
    assert kept.alerts.keys() == forgot.alerts.keys()
    assert forgot.held() <= kept.held()
