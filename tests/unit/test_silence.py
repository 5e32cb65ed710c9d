"""History that is imported is scored as ever, and sets off no alert: only what happens afterwards does."""

import pytest

from scorer.arrival import arrived
from scorer.messages import Record
from scorer.partitioner import partition_of
from scorer.shard import Shard
from scorer.silence import SILENT, header
from scorer.times import DAY, SECOND, Micros, parse_time
from scorer.topics import PAGE_VIEWS
from tests.partitioned import Stream
from tests.unit.test_shard import T0, alerts, event, plan

NOW = T0 + 60 * DAY
HISTORY = (header(Micros(NOW)),)


def imported(stream: Stream, *days: float) -> None:
    for number, day in enumerate(days):
        at = T0 + int(day * DAY)
        stream.publish(event(number, after=at - T0), at, headers=HISTORY)
    stream.drain()


def test_history_sets_the_tier_and_rings_nobody() -> None:
    stream = Stream(plan())
    imported(stream, 0, 0, 59.9, 59.9)
    assert stream.scores["u-1"]["tier"] == "hot"
    stream.advance(NOW)
    assert stream.alerts == {}
    assert stream.scores["u-1"]["tier"] == "hot"


def test_what_time_did_before_the_end_of_the_import_is_silent_and_rings_afterwards() -> None:
    stream = Stream(plan())
    imported(stream, 0, 0, 59.9, 59.9)
    stream.advance(NOW + 30 * DAY)
    (keep, wake) = alerts(stream)
    assert (keep[0], wake[0]) == ("keep", "wake")
    assert NOW < parse_time(keep[2]) < parse_time(wake[2])


def test_a_stay_that_history_began_is_set_off_where_it_falls_due_after_the_import_only() -> None:
    late, early = Stream(plan()), Stream(plan())
    imported(early, 0)
    imported(late, 59)
    for stream in (early, late):
        stream.advance(NOW + 5 * DAY)
    assert alerts(early) == []
    assert [(play, parse_time(at)) for play, _, at in alerts(late)] == [("wake", T0 + 62 * DAY)]


@pytest.mark.parametrize("who", ["lead_id", "anonymous_id"])
@pytest.mark.parametrize("last", [0, 3, 20])
def test_time_stands_still_for_a_lead_whose_history_comes(who: str, last: int) -> None:
    stream = Stream(plan(), forget_after=DAY)
    lines = []
    for number, day in enumerate((0, 0, last)):
        line = event(number, after=day * DAY, **{"lead_id": None, who: "u-1"})
        lines.append((line, T0 + day * DAY))
        stream.publish(*lines[-1], headers=HISTORY)
        stream.drain()
        stream.advance(NOW - SECOND)  # the worker's clock runs on between two batches
    stream.advance(NOW)
    assert stream.changes == arrived(lines, stream.plan, NOW).changes


def test_a_live_event_rings_in_the_middle_of_an_import_and_history_after_it_does_not() -> None:
    stream = Stream(plan())
    imported(stream, 0)
    for number in (10, 11):
        stream.publish(event(number, after=NOW + SECOND - T0), NOW + SECOND)
    stream.drain()
    assert [play for play, *_ in alerts(stream)] == ["call"]
    stream = Stream(plan())
    stream.publish(event(10, after=NOW + SECOND - T0), NOW + SECOND)
    stream.drain()
    imported(stream, 59.9)
    assert stream.scores["u-1"]["tier"] == "hot"
    assert alerts(stream) == []


def test_no_play_cools_down_for_what_was_not_announced() -> None:
    stream = Stream(plan())
    imported(stream, 59.9, 59.9)
    stream.advance(NOW)
    stream.publish(event(9, "identify", NOW + SECOND - T0, traits={"title": "ceo"}), NOW + SECOND)
    stream.drain()
    assert alerts(stream) == []  # it was hot before
    stream = Stream(plan())
    imported(stream, 59.99)
    stream.publish(event(9, after=NOW + SECOND - T0), NOW + SECOND)
    stream.drain()
    assert [play for play, *_ in alerts(stream)] == ["call"]


@pytest.mark.parametrize("silent", [True, False])
def test_hand_overs_of_history_are_history(silent: bool) -> None:
    headers = HISTORY if silent else ()
    stream = Stream(plan())
    stream.publish(event(1, lead_id=None, anonymous_id="a-1"), T0, headers=HISTORY)
    stream.publish(event(2), T0, headers=HISTORY)
    stream.publish(event(3, "identify", SECOND, anonymous_id="a-1"), T0 + SECOND, headers=headers)
    stray = (partition_of(b"u-2", stream.partitions) + 1) % stream.partitions
    for number in (4, 5):
        stream.publish(event(number, lead_id="u-2"), T0, stray, headers)
    stream.drain()
    assert {lead: record["tier"] for lead, record in stream.scores.items()} == {"u-1": "hot", "u-2": "hot"}
    assert {(play, lead) for play, lead, _ in alerts(stream)} == (
        set() if silent else {("call", "u-1"), ("call", "u-2")}
    )


@pytest.mark.parametrize("step", ["some", "states", "scores", "outbox", "settled"])
def test_a_kill_after_any_step_rings_nobody(step: str) -> None:
    stream = Stream(plan(), partitions=1)
    stream.publish(event(1, lead_id=None, anonymous_id="a-1"), T0, headers=HISTORY)
    stream.publish(event(2, "identify", anonymous_id="a-1"), T0, headers=HISTORY)
    stream.publish(event(3), T0, headers=HISTORY)
    stream.cycle(0, stop_after=step)
    stream.drain()
    assert stream.scores["u-1"]["tier"] == "hot"
    assert stream.alerts == {}


def test_a_header_that_is_no_time_is_named() -> None:
    shard = Shard(plan(), {}, 0, 1)
    broken = Record(PAGE_VIEWS, 0, 0, T0, b"u-1", event(1), ((SILENT, b"1"),))
    shard.receive([broken, Record(PAGE_VIEWS, 0, 1, T0, b"u-1", event(2)), broken])
    changes = shard.flush()
    assert [letter.message for letter in changes.dead][:1] == [
        "header leadheat.silent: '1' is not an RFC 3339 time, such as 2026-11-01T09:00:00Z"
    ]
    assert [score.key for score in changes.scores] == [b"u-1"]
