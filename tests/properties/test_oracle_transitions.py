"""Tier changes, by time and as arrived, are those of the naive walk."""

import json

from hypothesis import given

from scorer import files
from scorer.grid import parse_grid
from scorer.plan import Plan
from tests.oracle import naive_as_arrived, naive_transitions
from tests.oracle.agreement import transition_differences
from tests.oracle.lines import Line
from tests.properties.effort import examples
from tests.properties.grids import grids, text
from tests.properties.logs import Told, lines, logs, moments


def walk(told: list[Line], grid: Told, at: int, as_arrived: bool = False) -> list[Told]:
    """The changes as `leadheat score --transitions` prints them."""
    plan = Plan(parse_grid(text(grid), "generated.yml"))
    return [json.loads(json.dumps(one)) for one in files.transitions(told, plan, at, as_arrived=as_arrived)]


@examples(200)
@given(logs(), grids(), moments())
def test_files_walk_by_time(log: list[Told], grid: Told, at: int) -> None:
    expected = naive_transitions(lines(log), grid, at)
    assert transition_differences(walk(lines(log), grid, at), expected, at) == []


@examples(100)
@given(logs(identity=False), grids(), moments())
def test_known_leads_walk_as_arrived(log: list[Told], grid: Told, at: int) -> None:
    expected = naive_as_arrived(lines(log), grid, at)
    assert transition_differences(walk(lines(log), grid, at, as_arrived=True), expected, at) == []


@examples(100)
@given(logs(), grids(), moments())
def test_people_becoming_known_walk_as_arrived(log: list[Told], grid: Told, at: int) -> None:
    expected = naive_as_arrived(lines(log), grid, at)
    assert transition_differences(walk(lines(log), grid, at, as_arrived=True), expected, at) == []


@examples(60)
@given(logs(identity=False, in_order=True), grids(), moments())
def test_a_log_in_order_walks_the_same_both_ways(log: list[Told], grid: Told, at: int) -> None:
    by_time, as_arrived = (walk(lines(log), grid, at, flag) for flag in (False, True))
    assert transition_differences(as_arrived, by_time, at) == []
