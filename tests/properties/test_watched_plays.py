"""Plays that watch more than tiers go off when the naive model says, by events and by time, never twice."""

from hypothesis import given
from hypothesis import strategies as st

from scorer.grid import parse_grid
from scorer.plan import Plan
from scorer.times import parse_time
from tests.oracle.lines import SECOND
from tests.oracle.plays import Due
from tests.oracle.points import Points
from tests.oracle.stream import naive_stream
from tests.oracle.watch import Watcher, naive_alerts
from tests.partitioned import Stream
from tests.properties.effort import examples
from tests.properties.grids import grids, text
from tests.properties.logs import Told, logs, moments
from tests.properties.test_stream_is_the_file import in_order

NEAR = SECOND // 100


@st.composite
def watching(draw: st.DrawFn) -> Told:
    """A grid with plays of every kind that watches more than tiers."""
    grid = draw(grids())
    names = [criterion["id"] for criterion in grid["criteria"]]
    bound = st.integers(1, 40).map(lambda whole: whole + 0.3717)
    plays: list[Told] = []
    for number in range(draw(st.integers(1, 4))):
        when = draw(
            st.one_of(
                st.builds(lambda to: {"score": {"rises_to": to}}, bound),
                st.builds(lambda to: {"score": {"falls_below": to}}, bound),
                st.builds(lambda to: {"score": {"rises_to": to, "of": "engagement"}}, bound),
                st.builds(lambda to: {"score": {"falls_below": -to / 2, "of": "fit"}}, bound),
                st.sampled_from(names).map(lambda name: {"happens": name}),
                st.builds(
                    lambda points, span: {"gains": points, "within": span},
                    st.sampled_from([7.3717, 15.3717, 30.3717]),
                    st.sampled_from(["6h", "1d", "7d", "30d"]),
                ),
            )
        )
        play = {"id": f"p-{number}", "when": when, "do": [{"alert": "sales"}]}
        if draw(st.integers(0, 3)) == 0:
            play["cooldown"] = draw(st.sampled_from(["1h", "3d"]))
        plays.append(play)
    return grid | {"plays": plays}


def raised(stream: Stream) -> list[Due]:
    return sorted(
        Due(one["lead_id"], parse_time(one["at"]), one["play"], one["to"]) for one in stream.alerts.values()
    )


def apart(found: list[Due], expected: list[Due], until: int) -> list[str]:
    """What is not the same; of one play, lead and millisecond there is one alert only."""
    once = {(due.lead, due.at // 1_000, due.play, due.to): due for due in expected}
    here, there = (
        sorted((due.lead, due.play, due.at, due.to) for due in dues if due.at < until - SECOND)
        for dues in (found, once.values())
    )
    same = len(here) == len(there) and all(
        one[:2] == two[:2] and abs(one[2] - two[2]) <= NEAR and one[3] == two[3]
        for one, two in zip(here, there, strict=True)
    )
    return [] if same else [f"{here}\nfor\n{there}"]


@examples(300)
@given(logs(all_ids=True), watching(), moments())
def test_they_go_off_as_the_naive_model_says(log: list[Told], grid: Told, at: int) -> None:
    stream = Stream(Plan(parse_grid(text(grid), "generated.yml")))
    lines = in_order(log, at)
    for line, moment in lines:
        stream.publish(line, moment)
        stream.drain()
    stream.advance(at)
    walked = naive_stream([(moment, line) for line, moment in lines], Points(grid), at, walker_of=Watcher)
    assert apart(raised(stream), naive_alerts(walked), at) == []
