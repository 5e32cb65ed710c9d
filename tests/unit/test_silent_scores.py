"""Score records say whether they tell of nothing but history: accounts are then as silent as their leads."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest

from scorer.grid import parse_grid
from scorer.messages import Send
from scorer.plan import Plan
from scorer.silence import header, is_silent, silent_until
from scorer.times import DAY, Micros
from scorer.topics import SCORES
from tests.partitioned import Stream

_NOW = 1_790_000_000_000_000
_GRID = """
grid: g
version: 1
scores: {engagement: {min: 0, max: 100}}
criteria:
  - {id: visit, score: engagement, points: 30, event: page_view, half_life: 10d}
  - {id: boss, score: engagement, points: 5, lead: {title: CEO}}
tiers: [{id: cold}, {id: hot, from: 25}]
plays: [{id: heats, when: {enters: hot}, do: [{alert: sales}]}]
"""


@dataclass
class _Heard(Stream):
    said: list[Send] = field(default_factory=list)

    def _send(self, sends: Iterable[Send]) -> None:
        sends = list(sends)
        self.said += [send for send in sends if send.topic == SCORES]
        super()._send(sends)

    def heard(self) -> list[bool]:
        """Of each score record since it was last asked whether it is silent."""
        said, self.said = self.said, []
        return [is_silent(send.headers) for send in said]


@pytest.fixture
def stream() -> _Heard:
    return _Heard(Plan(parse_grid(_GRID, "g.yml")), 1)


def _visit(stream: _Heard, number: int, moment: int, until: int | None = None, lead: str = "u-1") -> None:
    value = json.dumps({"id": f"e-{number}", "type": "page_view", "lead_id": lead}).encode()
    stream.publish(value, moment, headers=() if until is None else (header(Micros(until)),))


def test_history_is_silent_and_what_comes_after_is_not(stream: _Heard) -> None:
    _visit(stream, 1, _NOW - 30 * DAY, until=_NOW)
    stream.drain()
    assert silent_until(stream.said[0].headers) == _NOW
    assert stream.heard() == [True]
    stream.advance(_NOW)  # cold since long: its first moment after the history
    assert stream.heard() == [True]
    _visit(stream, 2, _NOW + DAY)
    stream.drain()
    assert stream.heard() == [False]
    stream.advance(_NOW + 30 * DAY)
    assert set(stream.heard()) == {False}
    assert [alert["play"] for alert in stream.alerts.values()] == ["heats"]


def test_history_of_a_lead_that_is_there_is_silent_unless_something_new_comes_with_it(stream: _Heard) -> None:
    _visit(stream, 1, _NOW)
    stream.drain()
    _visit(stream, 2, _NOW - DAY, until=_NOW + 60)
    stream.drain()
    assert stream.heard() == [False, True]
    _visit(stream, 3, _NOW - DAY, until=_NOW + 60)
    _visit(stream, 4, _NOW + 1)
    _visit(stream, 5, _NOW - DAY, until=_NOW + 60)
    stream.drain()
    assert stream.heard() == [False]


@pytest.mark.parametrize("step", ["states", "scores", "outbox", "settled"])
@pytest.mark.parametrize("until", [None, _NOW], ids=["news", "history"])
def test_a_crash_makes_them_again_as_they_were(stream: _Heard, until: int | None, step: str) -> None:
    _visit(stream, 1, _NOW - DAY, until)
    stream.cycle(0, stop_after=step)
    stream.drain()
    assert set(stream.heard()) == {until is not None}


def test_another_grid_is_no_news(stream: _Heard) -> None:
    _visit(stream, 1, _NOW)
    stream.drain()
    stream.heard()
    stream.plan = Plan(parse_grid(_GRID.replace("points: 30", "points: 10"), "g.yml"))
    stream.write(0, stream.shards[0].regrid(stream.plan))
    stream.advance(_NOW + 1)
    assert stream.scores["u-1"]["tier"] == "cold"
    assert stream.heard() == [True]


def test_an_id_that_a_history_ties_goes_silently(stream: _Heard) -> None:
    _visit(stream, 1, _NOW, lead="a-1")
    stream.drain()
    stream.heard()
    value = json.dumps({"id": "m", "type": "alias", "lead_id": "u-1", "properties": {"previous_id": "a-1"}})
    stream.publish(value.encode(), _NOW + 1, headers=(header(Micros(_NOW + 60)),))
    stream.drain()
    assert set(stream.heard()) == {True}
    assert list(stream.scores) == ["u-1"]
