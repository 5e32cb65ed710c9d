"""A lead's history: what each event gave, what changed its tier, and what it stood at in between."""

import json
from typing import Any

import pytest

from scorer.grid import parse_grid
from scorer.history import Gain, replay
from scorer.plan import Plan
from scorer.times import DAY, format_time, parse_time

PLAN = Plan(
    parse_grid("""\
grid: g
version: 1
scores: {fit: {min: -50, max: 60}, use: {min: -100, max: 100}}
criteria:
  - {id: boss, score: fit, points: 20, lead: {title: ceo}}
  - {id: view, score: use, points: 16, event: page_view, half_life: 1d}
  - {id: again, score: use, points: 30, event: page_view, repeat: {at_least: 2, within: 2d}}
  - {id: silent, score: use, points: -40, absent: {for: 8d}}
tiers: [{id: cold}, {id: hot, from: 30}]
plays: [{id: wake, when: {stays: cold, for: 3d}, do: [{nurture: cases}]}]
""")
)
T0 = parse_time("2026-11-02T09:00:00Z")


def event(name: str, day: float = 0, kind: str = "page_view", **more: Any) -> bytes:
    time = format_time(T0 + int(day * DAY))
    return json.dumps({"id": name, "type": kind, "lead_id": "u", "time": time, **more}).encode()


def gains(log: list[bytes], day: float) -> list[tuple[int, dict[str, tuple[float, float]]]]:
    entries = replay(PLAN, log, T0 + int(day * DAY)).entries
    return [
        (entry.index, {gain.criterion: (round(gain.then, 9), round(gain.now, 9)) for gain in entry.gains})
        for entry in entries
    ]


def changes(log: list[bytes], day: float) -> list[tuple[str, str | None, float]]:
    found = replay(PLAN, log, T0 + int(day * DAY)).changes
    return [(change["to"], change["criterion"], round(change["score"], 6)) for change in found]


def test_each_event_gave_points_of_which_some_are_left() -> None:
    log = [
        event("e2", day=1),
        event("e1"),
        event("e3", day=1, kind="identify", traits={"title": "ceo"}),
        event("e4", day=1, kind="outcome"),
    ]
    assert gains(log, 1.5) == [
        (1, {"view": (16, 5.656854249)}),
        (0, {"view": (16, 11.313708499), "again": (30, 30)}),
        (2, {"boss": (20, 20)}),
        (3, {}),
    ]


def test_copies_broken_lines_and_what_is_yet_to_come_count_for_nothing() -> None:
    log = [event("e1"), b"{", event("e1", day=0.5), event("later", day=3), event("e2", day=1)]
    history = replay(PLAN, log, T0 + DAY)
    assert [(entry.index, entry.moment - T0, entry.event.type) for entry in history.entries] == [
        (0, 0, "page_view"),
        (4, DAY, "page_view"),
    ]


def test_an_event_without_a_time_happened_at_the_end() -> None:
    history = replay(PLAN, [b'{"type": "page_view", "lead_id": "u"}'], T0)
    (entry,) = history.entries
    assert (entry.moment, entry.gains) == (T0, (Gain("view", 16.0, 16.0),))


def test_nothing_left_of_a_repetition_that_ended_nor_of_the_end_of_an_absence_that_is_back() -> None:
    log = [event("e1"), event("e2"), event("e3", day=9)]
    assert gains(log, 1)[1] == (1, {"view": (16, 8), "again": (30, 30)})
    assert gains(log, 9)[1:] == [
        (1, {"view": (16, 0.03125), "again": (30, 0)}),
        (2, {"view": (16, 16), "silent": (40, 40)}),
    ]
    assert gains(log, 17)[2] == (2, {"view": (16, 0.0625), "silent": (40, 0)})


def test_changes_name_the_criterion_that_did_most() -> None:
    log = [event("e1"), event("e2")]
    assert changes(log, 30) == [("hot", "again", 62.0), ("cold", "again", 8.0)]
    assert changes([event("e1"), event("e2", day=0.5)], 1) == [("hot", "again", 57.313708)]


def test_a_change_by_time_is_told_alike_whatever_follows() -> None:
    log = [event("e1"), event("e2")]
    assert changes([*log, event("e3", day=5)], 6) == changes(log, 6)


def test_a_person_whose_identity_alone_makes_a_lead_hot() -> None:
    log = [event("e1"), event("e2", kind="identify", traits={"title": "ceo"})]
    history = replay(PLAN, log, T0)
    assert history.changes == [
        {"at": format_time(T0), "score": 36.0, "from": "cold", "to": "hot", "criterion": "boss"}
    ]
    assert history.tier == "hot"


def test_a_tier_that_asks_for_nothing_is_entered_by_no_criterion() -> None:
    plan = Plan(
        parse_grid(
            "grid: g\nversion: 1\nscores: {s: }\ntiers: [{id: cold}, {id: known, from: 0}]\n"
            "criteria: [{id: view, score: s, points: 1, event: page_view}]\n"
        )
    )
    (change,) = replay(plan, [event("e1", kind="outcome")], T0).changes
    assert (change["to"], change["score"], change["criterion"]) == ("known", 0, None)


def test_the_score_at_any_moment_before_during_and_after() -> None:
    history = replay(PLAN, [event("e1"), event("e2", day=1)], T0 + 4 * DAY)
    days = (-1, 0, 1, 1.5, 2, 4, 9)
    expected = [0, 16, 54, 24 * 2**-0.5 + 30, 12, 3, 24 * 2**-8 - 40]
    assert history.curve(T0 + int(day * DAY) for day in days) == pytest.approx(expected)
    assert history.standing(T0 + DAY).dimensions == pytest.approx((0, 54))
    assert history.standing(T0 + DAY).contributions == pytest.approx({"view": 24, "again": 30})


def test_steps_are_where_the_score_may_jump() -> None:
    history = replay(PLAN, [event("e1"), event("e2", day=1)], T0 + 4 * DAY)
    # both views, the end of the repetition two days after the first, the absence eight days after the second
    assert [step - T0 for step in history.steps(T0 - 1, T0 + 20 * DAY)] == [0, DAY, 2 * DAY, 9 * DAY]
    assert history.steps(T0, T0 + DAY) == [T0 + DAY]


def test_nobody_has_no_history() -> None:
    history = replay(PLAN, [], T0)
    assert (history.entries, history.changes, history.tier) == ([], [], "")
    assert (history.curve([T0]), history.steps(T0 - DAY, T0)) == ([0.0], [])


def test_the_lowest_of_a_stretch_is_found_on_both_sides_of_each_step() -> None:
    history = replay(PLAN, [event("a", 1), event("b", 2)], T0 + 9 * DAY)
    assert history.lowest(T0, T0 + DAY) == 0  # just before the first
    assert history.lowest(T0 + DAY, T0 + 3 * DAY // 2) == pytest.approx(16 * 0.5**0.5)
    assert history.lowest(T0 + DAY, T0 + 3 * DAY) == pytest.approx(8)  # just before the second
