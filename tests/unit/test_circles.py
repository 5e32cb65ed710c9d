"""Aliases that close a circle at once: it ends at one lead, and no event of it counts twice."""

import json

import msgspec
import pytest

from scorer import handover, topics
from scorer.evidence import Evidence
from scorer.grid import parse_grid
from scorer.ids import digest
from scorer.messages import Record
from scorer.plan import Plan
from scorer.shard import Shard
from scorer.times import parse_time
from scorer.walk import Course

GRID = """\
grid: views
version: 1
scores: {engagement: {min: 0, max: 100}}
criteria: [{id: view, score: engagement, points: 20, event: page_view}]
tiers: [{id: cold}]
"""
T0 = parse_time("2026-11-02T09:00:00Z")


def event(number: int) -> bytes:
    return json.dumps({"id": f"e{number}", "type": "page_view", "lead_id": "u-1"}).encode()


class Circle:
    """A shard in which u-1 becomes u-2, told by hand what comes to u-1 from there."""

    def __init__(self) -> None:
        self.shard = Shard(Plan(parse_grid(GRID)), {}, 0, 1)
        self._offset = 0
        self.event(event(1))
        (self.moved,) = self.message(handover.Tie("u-2", T0, by_alias=True))

    def event(self, value: bytes) -> list[handover.Message]:
        """What an event makes u-1 hand over."""
        return self._take(topics.PAGE_VIEWS, value)

    def message(self, message: handover.Message) -> list[handover.Message]:
        """What a hand-over makes u-1 hand over."""
        return self._take(topics.HANDOVER, handover.encode(message))

    def _take(self, topic: str, value: bytes) -> list[handover.Message]:
        self._offset += 1
        self.shard.receive([Record(topic, 0, self._offset, T0, b"u-1", value)])
        changes = self.shard.flush()
        self.shard.settle()
        self.scores = [msgspec.json.decode(send.value)["score"] for send in changes.scores if send.value]
        return [
            handover.decode(send.value)
            for send in changes.outbox
            if send.topic == topics.HANDOVER and send.value
        ]


def back(message: handover.Message, number: int, *hops: str) -> handover.Moved:
    """What u-1 handed over, as u-2 hands it back."""
    assert isinstance(message, handover.Moved)
    return msgspec.structs.replace(message, sender="u-2", number=number, hops=[*message.hops, *hops])


def test_a_circle_ends_at_the_first_message_that_shows_it() -> None:
    circle = Circle()
    theirs = handover.Moved("u-2", 1, Evidence(members=["u-2"]), Course(), ["u-2"])
    assert circle.message(theirs) == []
    assert circle.message(back(circle.moved, 2, "u-2")) == []
    assert circle.scores == [20.0]


def test_what_went_round_a_circle_that_is_open_goes_on_to_the_lead_it_is_by_now() -> None:
    circle = Circle()
    circle.message(handover.Moved("u-2", 1, Evidence(members=["u-2"]), Course(), ["u-2"]))
    circle.message(handover.Tie("u-3", T0, by_alias=True))
    (onward,) = circle.message(back(circle.moved, 2, "u-2"))
    assert isinstance(onward, handover.Moved)
    assert onward.hops == ["u-1", "u-2", "u-1"]


@pytest.mark.parametrize("number", [1, 2])
def test_a_copy_that_overtakes_what_it_is_a_copy_of_counts_once(number: int) -> None:
    """Of an event that u-1 gave away, or that came to u-2 by way of it."""
    circle = Circle()
    seen = Evidence(members=["a-1"])
    seen.remember(digest("e2"), 64)
    (passed,) = circle.message(handover.Moved("a-1", 1, seen, Course(), ["a-1"]))
    circle.message(handover.Moved("u-2", 1, Evidence(members=["u-2"]), Course(), ["u-2"]))
    circle.event(event(number))
    assert circle.scores == []
    circle.message(back(circle.moved, 2, "u-2"))
    circle.message(back(passed, 3, "u-2"))
    assert circle.scores == [20.0]


def test_a_copy_of_what_a_lead_gave_away_is_not_passed_on() -> None:
    circle = Circle()
    assert circle.event(event(1)) == []
    assert len(circle.event(event(2))) == 1
