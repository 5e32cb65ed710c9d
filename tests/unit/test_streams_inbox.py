"""The inbox gives records in order of arrival over topics, and holds back what may not be next."""

from typing import Any

import pytest
from aiokafka.structs import ConsumerRecord
from faust.types import TP

from streams.batching.scheduler import Batch
from streams.inbox import PATIENCE_S, Inbox

TOPICS = {"p.clicks": "clicks", "p.views": "views"}
CLICKS, VIEWS = TP("p.clicks", 0), TP("p.views", 0)


class Positions:
    """Where the consumer stands, as a test says."""

    def __init__(self) -> None:
        self.starts = dict.fromkeys([CLICKS, VIEWS], 0)
        self.ends: dict[TP, int] = {}
        self.fetched_all = False

    def expected(self, tp: TP) -> int | None:
        return self.starts.get(tp)

    def end(self, tp: TP) -> int | None:
        return self.ends.get(tp)

    def at_end(self, tp: TP) -> bool:
        return self.fetched_all


def batch(tp: TP, *times_ms: int, first: int = 0) -> Batch:
    records: list[Any] = [
        ConsumerRecord(tp.topic, tp.partition, first + at, time_ms, 0, b"k", b"v", None, 1, 1, ())
        for at, time_ms in enumerate(times_ms)
    ]
    return Batch(tp, records)


def taken(inbox: Inbox, limit: int = 100) -> list[tuple[str, int]]:
    return [(r.topic, r.timestamp // 1000) for portion in inbox.take(limit) for r in portion.records]


@pytest.fixture
def positions() -> Positions:
    return Positions()


@pytest.fixture
def clock() -> list[float]:
    return [0.0]


@pytest.fixture
def inbox(positions: Positions, clock: list[float]) -> Inbox:
    made = Inbox(positions, TOPICS, lambda: clock[0])
    made.own([0])
    return made


def test_merges_topics_by_time_then_topic(inbox: Inbox, positions: Positions) -> None:
    positions.ends = {CLICKS: 2, VIEWS: 3}
    inbox.put(batch(VIEWS, 10, 20, 40))
    inbox.put(batch(CLICKS, 20, 30))
    assert taken(inbox) == [("views", 10), ("clicks", 20), ("views", 20), ("clicks", 30), ("views", 40)]
    assert inbox.quiet(0)


def test_waits_for_a_topic_of_which_the_broker_holds_more(inbox: Inbox, positions: Positions) -> None:
    positions.ends = {CLICKS: 3, VIEWS: 2}
    inbox.put(batch(VIEWS, 10, 50))
    assert taken(inbox) == []
    inbox.put(batch(CLICKS, 5, 20))
    assert taken(inbox) == [
        ("clicks", 5),
        ("views", 10),
        ("clicks", 20),
    ]  # a third is to come
    inbox.put(batch(CLICKS, 60, first=2))
    assert taken(inbox) == [("views", 50), ("clicks", 60)]


def test_does_not_wait_for_ever(inbox: Inbox, positions: Positions, clock: list[float]) -> None:
    positions.ends = {CLICKS: 1, VIEWS: 1}
    inbox.put(batch(VIEWS, 10))
    assert taken(inbox) == []
    clock[0] = PATIENCE_S
    assert taken(inbox) == [("views", 10)]


def test_tells_up_to_where_each_topic_is_done(inbox: Inbox, positions: Positions) -> None:
    positions.ends = {CLICKS: 10, VIEWS: 7}
    inbox.put(batch(VIEWS, 10, 30, first=5))
    inbox.put(batch(CLICKS, 20, first=9))
    assert [portion.done for portion in inbox.take(2)] == [{VIEWS: 6, CLICKS: 10}]
    assert [portion.done for portion in inbox.take(2)] == [{VIEWS: 7}]


def test_an_unknown_end_is_not_quiet(inbox: Inbox, positions: Positions, clock: list[float]) -> None:
    assert not inbox.quiet(0)
    positions.ends = {CLICKS: 0, VIEWS: 1}
    assert not inbox.quiet(0)
    clock[0] = PATIENCE_S
    positions.fetched_all = True  # the record at the end is a marker that is never delivered
    assert inbox.quiet(0)


def test_says_nothing_of_a_partition_that_it_gave_up(inbox: Inbox, positions: Positions) -> None:
    positions.ends = {CLICKS: 0, VIEWS: 0}
    assert inbox.quiet(0)
    inbox.own([])
    assert not inbox.quiet(0)


def test_refuses_what_is_not_its_own(inbox: Inbox) -> None:
    assert not inbox.put(batch(TP("p.views", 1), 10))
    inbox.own([])
    assert not inbox.put(batch(VIEWS, 10))
    assert taken(inbox) == []


def test_has_enough_of_a_topic_but_never_of_one_that_others_wait_for(
    inbox: Inbox, positions: Positions
) -> None:
    positions.ends = {CLICKS: 1, VIEWS: 100_000}
    inbox.put(batch(VIEWS, *range(70_000)))
    assert inbox.enough(VIEWS)
    assert not inbox.enough(CLICKS)
    assert not inbox.enough(TP("p.changelog", 0))
    assert taken(inbox) == []
    inbox.put(batch(CLICKS, 0))
    assert len(taken(inbox, 50_000)) == 50_000
    assert not inbox.enough(VIEWS)


def test_the_oldest_partition_comes_first_and_none_starves() -> None:
    positions = Positions()
    inbox = Inbox(positions, {"p.views": "views"})
    inbox.own([0, 1])
    positions.ends = {VIEWS: 100, TP("p.views", 1): 100}
    inbox.put(batch(VIEWS, *range(100, 200)))
    inbox.put(batch(TP("p.views", 1), *range(50, 150)))
    portions = inbox.take(10)
    assert [(portion.partition, len(portion.records)) for portion in portions] == [(1, 5), (0, 5)]


def test_asks_for_more_of_all_topics_until_enough_waits_in_all(
    inbox: Inbox, positions: Positions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.inbox._WAITING_RECORDS", 4)
    monkeypatch.setattr("streams.inbox._LEAST_SHARE", 1)
    inbox.own([0])
    positions.ends = {CLICKS: 3, VIEWS: 9}
    inbox.put(batch(VIEWS, 10, 20, 30))
    assert not inbox.enough(VIEWS)  # its share is 2, but only 3 wait
    inbox.put(batch(VIEWS, 40, first=3))
    assert inbox.enough(VIEWS)
    assert not inbox.enough(CLICKS)  # which the others wait for
    inbox.put(batch(CLICKS, 15, 25, 35))
    assert len(taken(inbox, 4)) == 4
    assert not inbox.enough(VIEWS)


def test_says_how_far_behind_it_is(inbox: Inbox, positions: Positions) -> None:
    positions.ends = {CLICKS: 3, VIEWS: 5}
    inbox.put(batch(VIEWS, 10, 20))
    assert inbox.behind() == 8
    assert inbox.gathers()
    inbox.put(batch(VIEWS, 30, 40, 50, first=2))
    inbox.put(batch(CLICKS, 1, 2, 3))
    assert (inbox.behind(), inbox.gathers()) == (8, False)
    taken(inbox)
    assert inbox.behind() == 0
