"""Erasure in the shards: a person goes with every id, nothing brings it back, others are left alone."""

import json
from typing import Any

import pytest

from scorer.blocks import BlocksError
from scorer.grid import parse_grid
from scorer.handover import Allow, Erase
from scorer.partitioner import partition_of
from scorer.plan import Plan
from scorer.shard import Shard
from scorer.times import SECOND, format_time, parse_time
from tests.partitioned import Stream

GRID = """\
grid: b2b
version: 1
scores:
  engagement: {min: 0, max: 100}
criteria:
  - {id: view, score: engagement, points: 20, event: page_view, half_life: 7d}
tiers:
  - {id: cold}
  - {id: hot, from: 30}
plays:
  - {id: call, when: {enters: hot}, do: [{alert: sales}]}
"""
T0 = parse_time("2026-11-02T09:00:00Z")
KILLS = ("scores", "states", "outbox", "settled")


class Told:
    """A stream that is told events, a second apart."""

    def __init__(self) -> None:
        self.stream = Stream(Plan(parse_grid(GRID)))
        self.now = T0

    def event(self, kind: str = "page_view", drain: bool = True, **more: Any) -> None:
        self.now += SECOND
        told = {"id": f"e{self.now}", "type": kind, "time": format_time(self.now), **more}
        self.stream.publish(json.dumps(told).encode(), self.now)
        if drain:
            self.stream.drain()

    def erase(self, *names: str, to: str | None = None, drain: bool = True) -> None:
        self.now += SECOND
        self.stream.order(to or names[0], Erase(list(names)), self.now)
        if drain:
            self.stream.drain()

    def allow(self, name: str) -> None:
        self.now += SECOND
        self.stream.order(name, Allow(), self.now)
        self.stream.drain()

    def erased(self) -> int:
        return sum(count for (_, result), count in self.stream.counts.items() if result == "erased")

    def places(self, text: str) -> list[Any]:
        """Where a text stands in what is kept, and in what is shown."""
        states = [
            key
            for store in self.stream.stores
            for key, value in store.items()
            if text.encode() in key + value
        ]
        return states + [lead for lead, record in self.stream.scores.items() if text in json.dumps(record)]


def person(told: Told, lead: str = "u-1", visitor: str = "a-1") -> None:
    told.event(anonymous_id=visitor)
    told.event("identify", lead_id=lead, anonymous_id=visitor, traits={"email": f"{lead}@acme.example"})
    told.event(lead_id=lead)


def test_a_person_goes_with_all_ids_and_stays_gone() -> None:
    told = Told()
    person(told)
    person(told, "u-2", "a-2")
    told.event(lead_id="v-1")
    told.event("alias", lead_id="u-1", properties={"previous_id": "v-1"})
    assert told.places("u-1")
    told.erase("u-1")
    for name in ("u-1", "a-1", "v-1"):
        assert told.places(name) == []
    others = told.stream.scores["u-2"]
    assert told.stream.shards[0].leads + told.stream.shards[1].leads + told.stream.shards[2].leads == 2
    told.event(lead_id="u-1")
    told.event(anonymous_id="a-1")
    told.event("identify", lead_id="u-1", anonymous_id="a-1", traits={"email": "u-1@acme.example"})
    told.event(lead_id="v-1")
    assert told.places("u-1") == told.places("a-1") == told.places("v-1") == []
    assert told.erased() == 4
    assert told.stream.scores == {"u-2": others}
    assert len(told.stream.erasures) == 3


@pytest.mark.parametrize("step", KILLS)
@pytest.mark.parametrize("name", ["u-1", "a-1", "v-1"])
def test_a_kill_at_any_step_changes_nothing(step: str, name: str) -> None:
    told = Told()
    person(told)
    told.event(lead_id="v-1")
    told.event("alias", lead_id="u-1", properties={"previous_id": "v-1"})
    told.erase(name, drain=False)
    while busy := [number for number in range(3) if told.stream.waiting(number)]:
        told.stream.cycle(busy[0], stop_after=step)
        told.stream.cycle(busy[0])
    assert told.places("u-1") == told.places("a-1") == told.places("v-1") == []
    told.event(lead_id="u-1")
    assert told.stream.scores == {}


def test_what_is_under_way_from_other_ids_goes_too() -> None:
    told = Told()
    told.event(anonymous_id="a-1")
    told.event(lead_id="v-1")
    told.event(lead_id="w-1")
    told.event(lead_id="u-1")
    home = partition_of(b"u-1", 3)
    told.event("identify", lead_id="u-1", anonymous_id="a-1", drain=False)
    told.event("alias", lead_id="u-1", properties={"previous_id": "v-1"}, drain=False)
    told.stream.cycle(home)  # the ties are on their way: nobody has said yet that a-1 and v-1 are this person
    told.event("alias", lead_id="w-1", properties={"previous_id": "u-1"}, drain=False)
    told.erase("u-1", drain=False)
    told.stream.cycle(home)
    told.stream.drain()
    assert [told.places(name) for name in ("u-1", "a-1", "v-1", "w-1")] == [[], [], [], []]


@pytest.mark.parametrize("by_former", [True, False])
def test_an_id_that_an_event_under_way_ties_goes_too(by_former: bool) -> None:
    told = Told()
    told.event(lead_id="v-1")
    told.event(lead_id="u-1")
    told.event("alias", lead_id="u-1", properties={"previous_id": "v-1"})
    told.event(anonymous_id="b-1")
    come = told.now
    told.erase("u-1", drain=False)
    told.stream.cycle(partition_of(b"u-1", 3))
    told.stream.order("u-1", Erase(["u-1"], T0), told.now)  # an older order, passed on to it
    told.stream.cycle(partition_of(b"u-1", 3))
    name = "v-1" if by_former else "u-1"  # the event came before the order, and its turn comes after
    event = {"id": "late", "type": "identify", "lead_id": name, "anonymous_id": "b-1"}
    told.stream.publish(json.dumps(event).encode(), come)
    told.stream.drain()
    assert told.places("b-1") == told.places("u-1") == told.places("v-1") == []


def test_of_a_shared_computer_only_the_persons_part_goes() -> None:
    told = Told()
    person(told, "u-1", "shared")
    told.event("identify", lead_id="u-2", anonymous_id="shared", traits={})
    early = format_time(told.now - 2 * SECOND)
    told.event(anonymous_id="shared")
    assert told.stream.scores["u-2"]["score"] == pytest.approx(20)
    told.erase("u-1")
    assert told.places("u-1") == []
    told.event(anonymous_id="shared")
    assert told.stream.scores["u-2"]["score"] == pytest.approx(40, abs=0.01)
    told.event(anonymous_id="shared", time=early)  # the erased person's, come late
    assert told.stream.scores["u-2"]["score"] == pytest.approx(40, abs=0.01)
    assert (told.erased(), set(told.stream.scores)) == (1, {"u-2"})
    told.erase("u-2")
    assert told.places("u-2") == told.places("shared") == []


def test_an_anonymous_ids_only_lead_is_the_person() -> None:
    told = Told()
    person(told)
    told.erase("a-1")
    assert told.places("u-1") == told.places("a-1") == []


def test_a_lead_of_its_own_is_not_another_although_once_tied_to_it() -> None:
    told = Told()
    person(told, "u-1", "x-1")
    told.event(lead_id="x-1")  # known for good: somebody of its own
    told.erase("u-1")
    assert told.places("u-1") == []
    assert told.stream.scores["x-1"]["score"] == pytest.approx(20)


def test_no_alert_is_raised_that_was_not_sent() -> None:
    told = Told()
    told.event(lead_id="u-1", drain=False)
    told.event(lead_id="u-1", drain=False)
    told.erase("u-1")
    assert told.stream.alerts == {}


def test_an_id_that_may_come_again_starts_from_nothing_and_nothing_old_counts() -> None:
    told = Told()
    person(told)
    old = format_time(told.now)
    told.erase("u-1", to="u-1")
    told.event(lead_id="u-1")
    late = told.now
    told.allow("u-1")
    told.event(lead_id="u-1", time=old)
    assert told.stream.scores["u-1"]["score"] == pytest.approx(20, abs=0.01)  # it arrived after the order
    value = json.dumps({"id": "late", "type": "page_view", "lead_id": "u-1", "time": old}).encode()
    told.stream.publish(value, late)  # this one before
    told.stream.drain()
    assert told.stream.scores["u-1"]["score"] == pytest.approx(20, abs=0.01)
    told.erase("u-1")
    assert told.places("u-1") == []


def test_a_redelivered_order_does_not_take_a_later_life() -> None:
    told = Told()
    person(told)
    told.erase("u-1", drain=False)
    told.now += SECOND
    told.stream.order("u-1", Allow(), told.now)
    told.event(lead_id="u-1", drain=False)
    home = partition_of(b"u-1", 3)
    told.stream.cycle(home, stop_after="settled")  # nothing is committed: all of it comes again
    told.stream.drain()
    assert told.stream.scores["u-1"]["score"] == pytest.approx(20)


def test_a_kill_does_not_keep_readers_from_hearing_that_an_id_may_come_again() -> None:
    told = Told()
    person(told)
    told.erase("u-1")
    told.now += SECOND
    told.stream.order("u-1", Allow(), told.now)
    told.event(lead_id="u-1", drain=False)
    told.stream.cycle(partition_of(b"u-1", 3), stop_after="states")
    told.stream.drain()
    assert format_time(told.now - SECOND) in [notice["allowed"] for notice in told.stream.erasures.values()]


def test_an_order_passed_on_since_before_does_not_take_a_later_life() -> None:
    told = Told()
    person(told)
    told.erase("u-1")
    before = told.now
    told.allow("u-1")
    told.event(lead_id="u-1")
    told.now += SECOND
    told.stream.order("u-1", Erase(["u-1", "a-1"], before), told.now)
    told.stream.drain()
    assert told.stream.scores["u-1"]["score"] == pytest.approx(20)


def test_a_state_that_could_not_be_read_goes_too() -> None:
    told = Told()
    person(told)
    home = partition_of(b"u-1", 3)
    told.stream.stores[home][b"u-1"] = b"\xff of another version"
    told.stream.kill(home)
    assert b"\xffaside/u-1" in told.stream.stores[home]
    told.erase("u-1")
    assert [key for key in told.stream.stores[home] if b"u-1" in key] == []
    told.event(anonymous_id="a-1")  # of which nobody knew that it is this person, until now
    assert told.places("u-1") == told.places("a-1") == []


def test_hand_overs_of_a_later_life_are_no_repeats() -> None:
    told = Told()
    told.event(anonymous_id="x-1")
    told.event("identify", lead_id="u-2", anonymous_id="x-1")  # x-1 hands over to u-2, which is somebody else
    told.event(lead_id="x-1")
    told.erase("x-1")
    assert told.stream.scores["u-2"]["score"] == pytest.approx(20, abs=0.01)
    told.allow("x-1")
    told.event(lead_id="x-1")
    told.event("alias", lead_id="u-2", properties={"previous_id": "x-1"})
    assert told.stream.scores["u-2"]["score"] == pytest.approx(40, abs=0.01)


def test_a_kill_between_block_and_deletion_leaves_nothing() -> None:
    told = Told()
    person(told)
    home = partition_of(b"u-1", 3)
    state = told.stream.stores[home][b"u-1"]
    told.erase("u-1", drain=False)
    told.stream.cycle(home, stop_after="states")
    told.stream.stores[home][b"u-1"] = (
        state  # a batch with the block was written, that with the state was not
    )
    told.stream.kill(home)
    told.stream.drain()
    assert told.places("u-1") == told.places("a-1") == []


def test_what_is_replayed_before_the_order_raises_no_alert() -> None:
    told = Told()
    told.event("identify", lead_id="u-1", anonymous_id="a-1")
    told.event(lead_id="u-1", drain=False)
    told.event(lead_id="u-1", drain=False)
    told.erase("u-1", drain=False)
    home = partition_of(b"u-1", 3)
    told.stream.cycle(home, stop_after="states")
    while told.stream.waiting(home):
        told.stream.cycle(home, most=1)
    told.stream.drain()
    assert told.stream.alerts == {}
    assert told.places("u-1") == []


def test_another_key_is_noticed() -> None:
    told = Told()
    told.erase("u-1")
    store = told.stream.stores[partition_of(b"u-1", 3)]
    shard = Shard(told.stream.plan, dict(store), partition_of(b"u-1", 3), 3, erasure_key=b"another")
    with pytest.raises(BlocksError, match="LEADHEAT_ERASURE_KEY"):
        shard.recover()
