"""Plays that watch more than tiers go off when the naive model says, by events and by time, never twice."""

import json
from collections.abc import Collection

from hypothesis import given
from hypothesis import strategies as st

from scorer.grid import parse_grid
from scorer.plan import Plan
from scorer.slots import DOUBTFUL
from scorer.times import parse_time
from tests.oracle.lines import SECOND, micros
from tests.oracle.plays import Due
from tests.oracle.points import Points
from tests.oracle.stream import naive_stream
from tests.oracle.watch import Watcher, naive_alerts
from tests.partitioned import Stream
from tests.properties.effort import examples
from tests.properties.grids import text, watching
from tests.properties.logs import Told, logs, moments
from tests.properties.test_retraction import spaced, taken_back
from tests.properties.test_stream_any_order import END
from tests.properties.test_stream_is_the_file import STEPS, in_order

NEAR = SECOND // 100


def raised(stream: Stream, gone: Collection[object] = ()) -> list[Due]:
    """Its alerts, but for those that are `gone`, and for what says so."""
    return sorted(
        Due(one["lead_id"], parse_time(one["at"]), one["play"], one["to"])
        for one in stream.alerts.values()
        if one["id"] not in gone and "withdrawn" not in one
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


@examples(150)
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


@examples(60)
@given(logs(all_ids=True), watching(), moments(), st.data())
def test_kills_lose_and_change_no_alert(log: list[Told], grid: Told, at: int, data: st.DataObject) -> None:
    plan = Plan(parse_grid(text(grid), "generated.yml"))
    killed, left = Stream(plan), Stream(plan)
    for line, moment in in_order(log, at):
        for stream in (killed, left):
            stream.publish(line, moment)
        for number in range(killed.partitions):
            killed.cycle(number, stop_after=data.draw(st.sampled_from(STEPS)))
        for stream in (killed, left):
            stream.drain()
    for stream in (killed, left):
        stream.advance(at)
    assert killed.alerts == left.alerts


@examples(100)
@given(spaced(), watching(gains=False))
def test_what_a_robot_did_leaves_no_alert_that_would_not_have_been(log: list[Told], grid: Told) -> None:
    plan = Plan(parse_grid(text(grid), "generated.yml"))
    with_robot, without = Stream(plan), Stream(plan)
    begun = set()
    for told in sorted(log, key=lambda told: micros(told["time"])):
        moment = micros(told["time"])
        robot = told["type"] in DOUBTFUL
        if robot and told["lead_id"] not in begun:
            continue  # the first of a lead turns what always holds
        begun.add(told["lead_id"])
        said = [(told, 0), (taken_back(told, told["id"]), SECOND)] if robot else [(told, 0)]
        for stream, records in ((with_robot, said), (without, [] if robot else said)):
            for record, after in records:
                stream.publish(json.dumps(record).encode(), moment + after)
                stream.drain()
    for stream in (with_robot, without):
        stream.advance(END)
    gone = {one.get("withdrawn") for one in with_robot.alerts.values()}
    assert apart(raised(with_robot, gone), raised(without), END) == []
