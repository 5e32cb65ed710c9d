"""Ids that nobody is known behind are forgotten when nothing of them counts, and others never."""

import json
from typing import Any

import pytest

from scorer.grid import parse_grid
from scorer.lead import deletion, peek, supersedes
from scorer.partitioner import partition_of
from scorer.plan import Plan
from scorer.times import DAY, format_time, parse_time
from tests.partitioned import Stream

GRID = """\
grid: b2b
version: 1
scores:
  fit: {min: -50, max: 60}
  engagement: {min: -100, max: 100}
half_life: 7d
criteria:
  - {id: view, score: engagement, points: 20, event: page_view}
  - {id: boss, score: fit, points: 20, lead: {title: ceo}}
  - {id: no-mail, score: fit, points: -5, lead: {email.kind: missing}}
MORE
tiers:
  - {id: cold}
  - {id: hot, from: 30}
PLAYS
"""
AFTER = 100 * DAY
T0 = parse_time("2024-01-01T00:00:00Z")
FADED = T0 + 7 * DAY * 35  # 20 points are below 1e-9 after 34.2 half-lives


def plan(more: str = "", plays: str = "") -> Plan:
    more = f"  - {{id: more, score: engagement, {more}}}" if more else ""
    return Plan(parse_grid(GRID.replace("MORE", more).replace("PLAYS", plays)))


def stream(made: Plan | None = None, forget_after: int | None = AFTER) -> Stream:
    return Stream(made or plan(), forget_after=forget_after)


def event(number: int, at: int = T0, kind: str = "page_view", **more: Any) -> bytes:
    told = {"id": f"e{number}", "type": kind, "time": format_time(at), "anonymous_id": "a", **more}
    return json.dumps({name: value for name, value in told.items() if value is not None}).encode()


def happen(to: Stream, number: int, at: int = T0, kind: str = "page_view", **more: Any) -> None:
    to.publish(event(number, at, kind, **more), at)
    to.drain()


def pass_time(on: Stream, until: int) -> None:
    on.advance(until)
    on.forget()


def test_is_forgotten_once_nothing_counts() -> None:
    run = stream()
    happen(run, 1)
    pass_time(run, FADED - 14 * DAY)
    assert (run.held(), set(run.scores)) == ({"a"}, {"a"})  # idle for long, but not yet faded
    pass_time(run, FADED)
    assert (run.held(), run.scores) == (set(), {})
    assert [shard.leads for shard in run.shards] == [0, 0, 0]
    assert [shard.next_wake() for shard in run.shards] == [None, None, None]


def test_is_not_forgotten_before_it_is_idle_for_long() -> None:
    run = stream(forget_after=400 * DAY)
    happen(run, 1)
    pass_time(run, T0 + 399 * DAY)
    assert run.held() == {"a"}
    happen(run, 2, T0 + 399 * DAY)
    pass_time(run, T0 + 700 * DAY)
    assert run.held() == {"a"}
    pass_time(run, T0 + 800 * DAY)
    assert run.held() == set()


def test_never_means_never() -> None:
    run = stream(forget_after=None)
    happen(run, 1)
    pass_time(run, T0 + 9_000 * DAY)
    assert run.held() == {"a"}


def test_one_that_comes_back_is_somebody_new() -> None:
    run = stream()
    happen(run, 1)
    pass_time(run, FADED)
    happen(run, 1, FADED + DAY)  # the very id that was remembered
    fresh = stream()
    happen(fresh, 1, FADED + DAY)
    assert run.scores == fresh.scores
    happen(run, 2, FADED + DAY, "identify", lead_id="u")
    happen(fresh, 2, FADED + DAY, "identify", lead_id="u")
    assert run.scores == fresh.scores
    assert run.scores["u"]["identities"] == ["u", "a"]


@pytest.mark.parametrize(
    "more",
    [
        "points: 1, event: page_view, half_life: never",
        "points: 5, event: page_view, absent: {for: 30d}",
        "points: 5, event: page_view, lead: {title: ceo}, half_life: 900d",  # counts once we know who it is
        "points: 5, event: page_view, repeat: {at_least: 2, within: 2000d}",  # one more would make it two
    ],
)
def test_is_kept_while_anything_may_count(more: str) -> None:
    run = stream(plan(more))
    happen(run, 1)
    pass_time(run, FADED + 1_000 * DAY)
    assert run.held() == {"a"}


@pytest.mark.parametrize(
    "more",
    [
        "points: -15, event: page_view, absent: {for: 30d}",  # its silence is forgotten with it
        "points: 5, event: page_view, repeat: {at_least: 1, within: 30d}",
        "points: -5, event: page_view",
        "points: 5, event: download, half_life: never",
        "points: 1.0e-10, event: page_view, half_life: never",
    ],
)
def test_what_does_not_count_keeps_nobody(more: str) -> None:
    run = stream(plan(more))
    happen(run, 1)
    pass_time(run, FADED)
    pass_time(run, FADED + DAY)
    assert run.held() == set()


def test_is_kept_while_a_play_may_still_ask_for_it() -> None:
    plays = """
plays:
  - {id: wake, when: {stays: cold, for: 600d}, do: [{nurture: cases}]}
  - {id: call, when: {enters: hot}, cooldown: 900d, do: [{alert: sales}]}"""
    waits = stream(plan(plays=plays))
    happen(waits, 1)
    pass_time(waits, T0 + 599 * DAY)
    assert (waits.held(), waits.alerts) == ({"a"}, {})
    pass_time(waits, T0 + 600 * DAY)
    assert [alert["play"] for alert in waits.alerts.values()] == ["wake"]
    pass_time(waits, T0 + 601 * DAY)
    assert waits.held() == set()
    cools = stream(plan(plays=plays))
    happen(cools, 1)
    happen(cools, 2)
    assert [alert["play"] for alert in cools.alerts.values()] == ["call"]
    pass_time(cools, T0 + 899 * DAY)
    assert cools.held() == {"a"}
    pass_time(cools, T0 + 901 * DAY)
    assert cools.held() == set()


def test_is_kept_in_any_tier_but_the_first() -> None:
    text = GRID.replace("MORE", "").replace("PLAYS", "").replace("from: 30", "from: -20")
    run = stream(Plan(parse_grid(text)))
    happen(run, 1)
    pass_time(run, FADED + 500 * DAY)
    assert run.scores["a"]["tier"] == "hot"  # anew, it would enter it again
    assert run.held() == {"a"}


def test_who_is_known_is_kept() -> None:
    run = stream()
    happen(run, 1, anonymous_id=None, lead_id="u")
    happen(run, 2, kind="identify", anonymous_id="b", lead_id="u")  # b: tied
    happen(run, 3, kind="identify", anonymous_id="c", traits={"title": "ceo"})  # c: somebody told of it
    happen(run, 4, kind="alias", anonymous_id=None, lead_id="u", properties={"previous_id": "d"})
    happen(run, 5)
    happen(run, 8, anonymous_id=None, lead_id="w")
    pass_time(run, FADED)
    assert run.held() == {"u", "b", "c", "d", "w"}
    happen(run, 6, FADED + DAY, anonymous_id="b")
    happen(run, 7, FADED + DAY, anonymous_id="d")
    assert run.scores["u"]["score"] == pytest.approx(40 - 5)


def test_numbers_of_hand_overs_go_on() -> None:
    run = stream()
    happen(run, 1, anonymous_id="b")
    happen(run, 2, kind="identify", anonymous_id="b", lead_id="u")
    for number in range(10):
        happen(run, 10 + number, anonymous_id="b")
    pass_time(run, FADED + 900 * DAY)
    happen(run, 30, FADED + 900 * DAY, anonymous_id="b")  # the twelfth hand-over, not the first again
    assert run.scores["u"]["score"] == pytest.approx(20 - 5)


def test_who_is_passed_on_by_another_partition_is_kept() -> None:
    run = stream()
    run.publish(event(1), T0, partition=(partition_of(b"a", 3) + 1) % 3)
    run.drain()
    pass_time(run, FADED + DAY)
    assert (run.held(), set(run.scores)) == ({"a"}, {"a"})  # it may be passed on again


def test_is_not_deleted_before_all_in_it_is_committed() -> None:
    run = stream()
    number = partition_of(b"a", 3)
    happen(run, 1)
    run.advance(FADED)
    run.committed.clear()  # the commit is still under way
    run.shards[number].forget({})
    assert run.shards[number].flush().forgotten == {}
    run.kill(number)
    run.drain()  # the event comes again
    assert (run.held(), run.scores) == ({"a"}, {})
    pass_time(run, FADED + 2 * DAY)
    assert run.held() == set()


def test_a_death_between_the_two_steps_changes_nothing() -> None:
    run = stream()
    happen(run, 1)
    run.advance(FADED)
    number = partition_of(b"a", 3)
    run.kill(number)
    assert run.forget() == 0  # this process does not know of it
    pass_time(run, FADED + 2 * DAY)
    assert (run.held(), run.scores) == (set(), {})


def test_one_that_comes_back_between_the_two_steps_stays() -> None:
    run = stream()
    happen(run, 1)
    run.advance(FADED)
    happen(run, 2, FADED)
    assert run.forget() == 0
    assert run.scores["a"]["score"] == pytest.approx(20 - 5)


def test_counts_for_those_who_were_there_before_it_was_set() -> None:
    run = stream(forget_after=None)
    happen(run, 1)
    happen(run, 2, kind="identify", anonymous_id="b", lead_id="u")
    run.forget_after = AFTER
    for number in range(3):
        run.kill(number)
    pass_time(run, FADED)
    pass_time(run, FADED + DAY)
    assert run.held() == {"u", "b"}


def test_one_in_work_is_not_deleted() -> None:
    run = stream()
    happen(run, 1)
    run.advance(FADED)
    number = partition_of(b"a", 3)
    run.publish(event(2, FADED), FADED)
    shard = run.shards[number]
    shard.receive(run.waiting(number))
    shard.forget({"page-views": 9})
    changes = shard.flush()
    assert (changes.forgotten, shard.leads) == ({}, 1)
    assert (b"a", None) not in changes.states


def test_one_that_was_deleted_and_comes_back_supersedes_what_is_late_of_it() -> None:
    run = stream()
    happen(run, 1)
    run.advance(FADED)
    number = partition_of(b"a", 3)
    emptied = run.stores[number][b"a"]
    run.shards[number].forget({"page-views": 9})
    changes = run.shards[number].flush()
    assert changes.forgotten == {b"a": peek(emptied).revision}
    assert changes.states[-1] == (b"a", None)  # after what makes the next revisions higher
    run.write(number, changes)
    run.kill(number)
    happen(run, 2, FADED)
    assert not supersedes(emptied, run.stores[number][b"a"])
    assert not supersedes(deletion(changes.forgotten[b"a"]), run.stores[number][b"a"])
