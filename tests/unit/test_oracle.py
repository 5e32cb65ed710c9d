"""The oracle against cases worked out by hand: only then may it judge the scorer."""

import json
from typing import Any

import pytest

from tests.oracle import naive_as_arrived, naive_score, naive_transitions
from tests.oracle.conditions import email_kind, fits, of_url
from tests.oracle.lines import DAY, SECOND, Line, micros, text_of

START = micros("2026-11-01T00:00:00Z")
Told = dict[str, Any]
PAGE: Told = {"id": "page", "score": "engagement", "points": 10, "event": "page_view", "half_life": "7d"}


def grid(*criteria: Told, **more: Any) -> Told:
    """A grid with two dimensions and three tiers around the criteria given."""
    scores = {"fit": {"min": -50, "max": 60}, "engagement": {"min": 0, "max": 100}}
    tiers = [{"id": "cold"}, {"id": "warm", "from": 30}, {"id": "hot", "from": 70}]
    given = {"grid": "g", "version": 1, "scores": scores, "tiers": tiers, "hysteresis": 5}
    return given | {"criteria": list(criteria)} | more


def day(number: float) -> int:
    return START + round(number * DAY)


def event(when: float, kind: str = "page_view", **fields: Any) -> Told:
    who = {} if "anonymous_id" in fields else {"lead_id": "u"}
    return {"type": kind, "time": text_of(day(when))} | who | fields


def lines(*events: Told) -> list[Line]:
    return [("f.jsonl", number, json.dumps(told).encode()) for number, told in enumerate(events, 1)]


def only(events: list[Told], given: Told, at: float, **options: Any) -> Told:
    """The one record that these events make."""
    (record,) = naive_score(lines(*events), given, day(at), **options)
    return record


def test_a_behaviour_halves_each_half_life() -> None:
    record = only([event(0), event(7)], grid(PAGE), 14)
    assert record["score"] == 7.5  # 10/4 + 10/2
    assert record["contributions"] == {"page": 7.5}
    assert record["scores"] == {"fit": 0, "engagement": 7.5}


@pytest.mark.parametrize(("points", "bound", "expected"), [(10, 15, 15), (-10, -15, -15)])
def test_max_bounds_a_contribution_on_its_own_side(points: int, bound: int, expected: int) -> None:
    criterion = PAGE | {"score": "fit", "points": points, "max": bound}
    assert only([event(0), event(0)], grid(criterion), 0)["score"] == expected


@pytest.mark.parametrize(("seconds", "expected"), [(90, 3), (None, 0), (-60, 0), ("90", 0), (True, 0)])
def test_per_counts_an_amount(seconds: Any, expected: float) -> None:
    criterion = PAGE | {"points": 2, "event": ["page_time"], "per": {"duration_s": 60}}
    record = only([event(0, "page_time", properties={"duration_s": seconds})], grid(criterion), 0)
    assert record["score"] == expected


def test_a_dimension_is_clamped_and_the_total_is_not() -> None:
    given = grid(PAGE | {"points": 90}, {"id": "always", "score": "fit", "points": 80})
    record = only([event(0), event(0)], given, 0)
    assert (record["scores"], record["score"]) == ({"fit": 60, "engagement": 100}, 160)


def test_repeat_holds_while_enough_matches_are_in_the_window() -> None:
    given = grid(PAGE | {"repeat": {"at_least": 2, "within": "7d"}, "points": 40})
    events = [event(0), event(5)]
    assert only(events, given, 5)["score"] == 40
    assert only(events, given, 7 - 1e-9)["score"] == pytest.approx(40 * 2 ** (-2 / 7))
    assert only(events, given, 7)["score"] == 0
    assert naive_transitions(lines(*events), given, day(20)) == [
        {"lead_id": "u", "from": "cold", "to": "warm", "at": text_of(day(5))},
        # 40 × 2^(-t/7) = 25, five below the bound, at t = 7 log2(1.6) = 4.746 days; the window ends first
        {"lead_id": "u", "from": "warm", "to": "cold", "at": text_of(day(7))},
    ]


def test_distinct_days_are_those_of_the_grids_timezone() -> None:
    repeat = {"repeat": {"at_least": 2, "within": "7d", "distinct": "day"}}
    events = [event(0.94), event(0.98)]  # 22:33 and 23:31 UTC on November 1; one hour more in Paris
    assert only(events, grid(PAGE | repeat), 1)["score"] == 0
    assert only(events, grid(PAGE | repeat, timezone="Europe/Paris"), 1)["score"] > 9.9


def test_absence_begins_after_the_newest_match_and_needs_a_first() -> None:
    criterion = {"id": "silent", "score": "fit", "points": -15, "absent": {"for": "30d"}}
    assert only([event(0)], grid(criterion), 30 - 1e-9)["score"] == 0
    assert only([event(0)], grid(criterion), 30)["score"] == -15
    assert only([event(0), event(10, "email_open")], grid(criterion), 30)["score"] == 0
    assert only([event(0), event(10, "email_bounce")], grid(criterion), 30)["score"] == -15
    assert only([event(0, "email_delivered")], grid(criterion), 99)["score"] == 0


def test_a_gate_is_asked_at_the_moment_of_reading() -> None:
    given = grid(PAGE | {"lead": {"title": {"words": ["directeur général"]}, "employees": {"gte": 100}}})
    profile = {"title": "Directeur  GENERAL adjoint", "employees": "250"}
    events = [event(0), event(7, "identify", traits=profile)]
    assert only(events, given, 6)["score"] == 0
    assert only(events, given, 7)["score"] == 5


def test_decay_leaves_a_tier_five_points_below_its_bound_at_the_second_rounded_up() -> None:
    (up, down) = naive_transitions(lines(*[event(0)] * 4), grid(PAGE), day(30))
    assert up == {"lead_id": "u", "from": "cold", "to": "warm", "at": "2026-11-01T00:00:00Z"}
    # 40 × 2^(-t/7d) < 25 from t = 7 d × log2(1.6) = 410,097.9 s on
    assert down == {"lead_id": "u", "from": "warm", "to": "cold", "at": text_of(START + 410_098 * SECOND)}


def test_a_dip_too_short_for_any_step_is_found() -> None:
    slow = {"id": "slow", "score": "fit", "points": 40, "event": "page_view", "half_life": "7d"}
    fast = {"id": "fast", "score": "fit", "points": -20, "event": "page_view", "half_life": "1d"}
    given = grid(slow, fast, tiers=[{"id": "cold"}, {"id": "warm", "from": 26.84}], hysteresis=0)
    # 40 × 2^(-t/7) - 20 × 2^(-t) has its top where 7 × 2^(-t + t/7) = 2: t = 7/6 log2(3.5) = 2.1086 d, 27.83
    steps = naive_transitions(lines(event(0)), given, day(30))
    assert [step["to"] for step in steps] == ["warm", "cold"]
    top = naive_score(lines(event(0)), given, day(2.1086))[0]["score"]
    given["tiers"][1]["from"] = top - 1e-8  # crossed twice within some seconds
    assert [step["to"] for step in naive_transitions(lines(event(0)), given, day(30))] == ["warm", "cold"]


def test_next_tier_is_told_where_there_is_one() -> None:
    record = only([event(0)] * 4, grid(PAGE), 1, next_tier=True)
    assert record["next_tier"] == {"tier": "cold", "at": text_of(START + 410_098 * SECOND)}
    assert only([event(0)], grid(PAGE), 1, next_tier=True)["next_tier"] is None


def test_requires_keeps_a_tier_shut() -> None:
    tiers = [{"id": "cold"}, {"id": "hot", "from": 30, "requires": {"fit": 10}}]
    given = grid(PAGE | {"points": 50}, tiers=tiers)
    assert only([event(0)], given, 0)["tier"] == "cold"
    boss = {"id": "boss", "score": "fit", "points": 10, "lead": {"title": "CEO"}}
    given["criteria"].append(boss)
    assert only([event(0), event(0, "identify", traits={"title": "CEO"})], given, 0)["tier"] == "hot"


def test_hysteresis_lowers_what_a_tier_requires_too() -> None:
    tiers = [{"id": "cold"}, {"id": "hot", "requires": {"engagement": 10}}]
    (up, down) = naive_transitions(lines(event(0)), grid(PAGE, tiers=tiers, hysteresis=5), day(30))
    assert (up["to"], down["to"]) == ("hot", "cold")
    assert abs(micros(down["at"]) - day(7)) <= 2 * SECOND  # 5 = 10 halved once, and 1e-9 below


def test_the_first_copy_of_a_leads_id_counts() -> None:
    events = [
        event(7, id="x"),
        event(0, id="x"),
        event(7, id="x", lead_id="v"),
        event(7, id=12),
        event(7, id="12"),
    ]
    found = {record["lead_id"]: record["score"] for record in naive_score(lines(*events), grid(PAGE), day(7))}
    assert found == {"u": 20, "v": 10}


def test_an_anonymous_past_is_the_leads() -> None:
    events = [event(0, anonymous_id="a"), event(1, "identify", anonymous_id="a", lead_id="u")]
    record = only(events, grid(PAGE), 7)
    assert (record["lead_id"], record["score"], record["identities"]) == ("u", 5, ["u", "a"])


def test_a_shared_computer_belongs_to_whom_it_was_tied_to_at_the_events_time() -> None:
    ties = [event(n, "identify", anonymous_id="a", lead_id=lead) for n, lead in ((2, "u"), (4, "v"))]
    visits = [event(n, anonymous_id="a") for n in (1, 3, 4, 5)]
    found = {one["lead_id"]: one["score"] for one in naive_score(lines(*visits, *ties), grid(PAGE), day(5))}
    halved = [10 * 2 ** (-age / 7) for age in (4, 2, 1, 0)]
    assert found == {"u": pytest.approx(sum(halved[:2])), "v": pytest.approx(sum(halved[2:]))}


def test_known_leads_become_one_by_alias_only() -> None:
    known = [event(0, lead_id="u"), event(0, lead_id="w")]
    tie = event(1, "identify", anonymous_id="w", lead_id="u")
    assert len(naive_score(lines(*known, tie), grid(PAGE), day(1))) == 2
    there = event(1, "alias", lead_id="u", properties={"previous_id": "w"})
    back = event(2, "alias", lead_id="w", properties={"previous_id": "u"})  # would close a circle
    record = only([*known, there, back], grid(PAGE), 2)
    assert (record["lead_id"], record["identities"]) == ("u", ["u", "w"])
    assert record["contributions"]["page"] == pytest.approx(20 * 2 ** (-2 / 7))


@pytest.mark.parametrize("word", ["", "NULL", "[object Object]", "00000000-0000-0000-0000-000000000000"])
def test_words_for_nobody_are_no_ids(word: str) -> None:
    record = only([event(0, anonymous_id="a", lead_id=word)], grid(PAGE), 0)
    assert record["lead_id"] == "a"


def test_traits_are_the_last_written_by_time() -> None:
    events = [
        event(2, "identify", traits={"title": "b", "city": None, "employees": "20"}),
        event(2, "identify", traits={"title": "a", "employees": 100}),
        event(1, "identify", traits={"title": "z", "city": "Lyon", "country": "FR"}),
    ]
    assert only(events, grid(PAGE), 2)["traits"] == {"title": "b", "country": "FR", "employees": 20}


def test_late_lines_change_the_walk_of_a_file_but_not_what_was_decided_as_they_arrived() -> None:
    late = [
        *[event(0, id=f"e{n}") for n in range(2)],
        event(8, "unsubscribe"),
        event(0, id="e3"),
        event(0, id="e4"),
    ]
    by_time = naive_transitions(lines(*late), grid(PAGE), day(20))
    assert [step["to"] for step in by_time] == ["warm", "cold"]
    assert naive_as_arrived(lines(*late), grid(PAGE), day(20)) == []
    assert naive_as_arrived(lines(*late[:2], *late[3:], late[2]), grid(PAGE), day(20)) == by_time


def test_a_merged_walk_goes_on_from_the_higher_tier_as_arrived() -> None:
    visits = [event(0, anonymous_id="a", id=f"e{n}") for n in range(4)]
    tie = event(4.8, "identify", anonymous_id="a", lead_id="u")  # 24.9 by then, so left at 4.746
    steps = naive_as_arrived(lines(*visits, tie), grid(PAGE), day(20))
    assert [(step["lead_id"], step["to"]) for step in steps] == [("a", "warm"), ("a", "cold")]
    steps = naive_as_arrived(lines(*visits, tie | {"time": text_of(day(4))}), grid(PAGE), day(20))
    assert [(step["lead_id"], step["to"]) for step in steps] == [("a", "warm"), ("u", "cold")]
    steps = naive_transitions(lines(*visits, tie), grid(PAGE), day(20))
    assert [(step["lead_id"], step["to"]) for step in steps] == [("u", "warm"), ("u", "cold")]


@pytest.mark.parametrize(
    ("condition", "value", "expected"),
    [
        ("a", "A", False),
        ([1, 2], 2.0, True),
        (1, True, False),
        ("1", 1, False),
        ({"gte": 5, "lt": 10}, 10, False),
        ({"words": ["chef"]}, "chefs", False),
        ({"words": ["coeur de metier"]}, "Cœur-de Métier!", True),
        ({"glob": "/tarifs*"}, "/tarifs/pro", True),
        ({"glob": "tarifs"}, "/tarifs", False),
        ({"matches": "tar[a-z]+s$"}, "/tarifs", True),
        ({"exists": False}, None, True),
        ({"not": "x"}, None, True),
        ({"not": {"gte": 1}}, 2, False),
        ("x", ["y", "x"], True),
    ],
)
def test_conditions(condition: Any, value: Any, expected: bool) -> None:
    assert fits(condition, value) is expected


def test_derived_fields() -> None:
    url = "https://WWW.Acme.fr:443?utm=&utm=2"
    assert [of_url(url, part) for part in ("path", "host", "query.utm", "query.x")] == [
        "/",
        "www.acme.fr",
        "",
        None,
    ]
    assert of_url("https://acme.fr/int%C3%A9gration", "path") == "/intégration"
    kinds = ["x@acme.fr", "x@gmail.com", "x@mailinator.com", "x@acme.test", "x", None]
    assert [email_kind(one) for one in kinds] == [
        "work",
        "free",
        "disposable",
        "invalid",
        "invalid",
        "missing",
    ]
