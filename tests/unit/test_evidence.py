"""Evidence: what is kept of a lead, and for how long."""

import json
from typing import Any

import pytest

from scorer.event import decode
from scorer.evidence import Evidence
from scorer.grid import parse_grid
from scorer.ids import DIGEST_SIZE
from scorer.plan import Plan
from scorer.profile import standing, terms
from scorer.times import DAY, SECOND, parse_time


def plan(criterion: str, timezone: str = "UTC") -> Plan:
    head = f"grid: g\nversion: 1\ntimezone: {timezone}\nscores: {{s: }}\ntiers: [{{id: cold}}]\n"
    return Plan(parse_grid(f"{head}criteria:\n  - {{id: c, score: s, {criterion}}}\n"))


def tell(evidence: Evidence, moment: int, using: Plan, kind: str = "page_view", **more: Any) -> None:
    evidence.add(decode(json.dumps({"type": kind, "lead_id": "u", **more}).encode()), moment, using)


def total(evidence: Evidence, moment: int, using: Plan) -> float:
    return standing(terms(evidence, 0, using, moment), using, moment).total


def test_an_id_is_remembered_as_a_whole() -> None:
    evidence = Evidence()
    first, second = bytes(range(DIGEST_SIZE)), bytes(range(DIGEST_SIZE, 2 * DIGEST_SIZE))
    for digest in (first, second):
        evidence.remember(digest, 64)
    across = (first + second)[3 : 3 + DIGEST_SIZE]
    assert [evidence.seen(digest) for digest in (first, second, across)] == [True, True, False]
    evidence.remember(across, 64)
    assert evidence.seen(across)


def test_the_64_newest_traits_are_kept_by_their_names_where_as_new() -> None:
    using, evidence = plan("points: 1"), Evidence()
    tell(evidence, 1, using, "identify", traits={f"t{at:02}": at for at in range(64)})
    tell(evidence, 2, using, "identify", traits={"new": 1, "t00": None})
    kept = {"new": 1, **{f"t{at:02}": at for at in range(1, 63)}}
    assert evidence.values() == kept
    other = Evidence()
    tell(other, 3, using, "identify", traits={"newer": 1})
    evidence.merge(other, using)
    del kept["t62"]
    assert evidence.values() == {**kept, "newer": 1}


def test_a_trait_told_of_an_earlier_time_changes_nothing() -> None:
    using, evidence = plan("points: 1"), Evidence()
    for moment, title in ((2, "ceo"), (1, "intern"), (2, "cto")):
        tell(evidence, moment, using, "identify", traits={"title": title})
    assert evidence.values() == {"title": "cto"}


def test_evidence_hundreds_of_half_lives_apart_adds_up() -> None:
    using = plan(
        "points: 10, event: page_view, half_life: 1h}\n  - {id: d, score: s, points: 1, event: page_view"
    )
    evidence = Evidence()
    for day in (0, 11, 22):
        tell(evidence, day * DAY, using)
    assert total(evidence, 22 * DAY, using) == 13.0


@pytest.mark.parametrize("kept", ["", ", repeat: {at_least: 2, within: 7d}", ", half_life: 7d"])
def test_what_another_grid_asked_for_is_not_merged(kept: str) -> None:
    other, using = plan(f"points: 1, event: page_view{kept}"), plan("points: 1, event: download")
    evidence, merged = Evidence(), Evidence()
    tell(evidence, 0, other)
    tell(merged, 0, using, "download")
    merged.merge(evidence, using)
    assert (merged.times, list(merged.sums)) == ({}, list(using.slots))


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("120", 120),
        (" 1.5e3 ", 1500.0),
        ("-3", -3),
        ("about 50", "about 50"),
        ("1e999", "1e999"),
        ("١٢", "١٢"),
        (7, 7),
    ],
)
def test_numeric_text_becomes_a_number_where_one_is_meant(told: object, kept: object) -> None:
    using, evidence = plan("points: 1"), Evidence()
    tell(evidence, 0, using, "identify", traits={"employees": told, "title": told})
    assert evidence.values() == {"employees": kept, "title": told}


def test_a_day_that_clocks_set_back_bring_again_counts_once() -> None:
    # in Newfoundland the 7th of November 2010 went back to the 6th a minute after it had begun
    using = plan(
        "points: 5, event: page_view, repeat: {at_least: 3, within: 7d, distinct: day}", "America/St_Johns"
    )
    midnight = parse_time("2010-11-07T02:30:00Z")
    evidence = Evidence()
    for after, points in ((-SECOND, 0), (SECOND, 0), (90 * SECOND, 0), (DAY, 0), (2 * DAY, 5)):
        tell(evidence, midnight + after, using)
        assert total(evidence, midnight + after, using) == points, after


def test_a_repetition_faded_below_every_float_is_nothing() -> None:
    using, evidence = (
        plan("points: 5, event: page_view, half_life: 1m, repeat: {at_least: 1, within: 52w}"),
        Evidence(),
    )
    tell(evidence, 0, using)
    assert [total(evidence, days * DAY, using) for days in (0, 100)] == [5.0, 0.0]
    assert terms(evidence, 0, using, 100 * DAY) == []
