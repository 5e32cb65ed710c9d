"""Scores of files are those of the naive recomputation, in any order, with any copies, in any split."""

import itertools
import json

from hypothesis import given
from hypothesis import strategies as st

from scorer import files
from scorer.grid import parse_grid
from scorer.plan import Plan
from tests.oracle import naive_score
from tests.oracle.agreement import differences
from tests.oracle.lines import Line
from tests.properties.effort import examples
from tests.properties.grids import grids, text
from tests.properties.logs import START, Told, lines, logs, moments


def score(told: list[Line], grid: Told, at: int) -> list[Told]:
    """The records as `leadheat score` prints them."""
    printed = files.score_lines(told, Plan(parse_grid(text(grid), "generated.yml")), at)
    return [json.loads(json.dumps(record)) for record in printed]


@examples(200)
@given(logs(), grids(), moments())
def test_scores_are_the_naive_ones(log: list[Told], grid: Told, at: int) -> None:
    assert differences(score(lines(log), grid, at), naive_score(lines(log), grid, at)) == []


@examples(60)
@given(logs(identity=False, most=10), grids(most=4), moments())
def test_the_next_tier_is_the_naive_one(log: list[Told], grid: Told, at: int) -> None:
    expected = naive_score(lines(log), grid, at, next_tier=True)
    assert differences(score(lines(log), grid, at), expected) == []


@examples(80)
@given(logs(all_ids=True, copies=False), grids(), moments(), st.data())
def test_order_copies_and_splits_change_nothing(
    log: list[Told], grid: Told, at: int, data: st.DataObject
) -> None:
    copies = data.draw(st.lists(st.sampled_from(log), max_size=5))
    shuffled = data.draw(st.permutations(log + copies))
    cut = data.draw(st.integers(0, len(shuffled)))
    split = lines(shuffled[:cut], "first.jsonl") + lines(shuffled[cut:], "second.jsonl")
    assert differences(score(split, grid, at), score(lines(log), grid, at)) == []


@examples(40)
@given(logs(identity=False, all_ids=True, most=10), grids(most=4), moments(), st.data())
def test_merges_in_any_order_give_one_lead(log: list[Told], grid: Told, at: int, data: st.DataObject) -> None:
    """Ties of visitors to a lead and a chain of aliases, told in any order, make one and the same lead."""
    first = {"time": "2026-10-12T06:00:00Z"}
    ties = [
        {"id": f"tie-{name}", "type": "identify", "anonymous_id": f"a-{name}", "lead_id": "u-1", **first}
        for name in "xy"
    ]
    chain = [
        {"id": f"alias-{old}", "type": "alias", "lead_id": new, "properties": {"previous_id": old}, **first}
        for old, new in itertools.pairwise(["u-2", "u-1", "ü 3"])
    ]
    visits = [
        {
            "id": f"visit-{name}",
            "type": "page_view",
            "anonymous_id": f"a-{name}",
            "time": "2026-10-20T08:00:00",
        }
        for name in "xy"
    ]
    told = log + ties + chain + visits
    records = score(lines(data.draw(st.permutations(told))), grid, max(at, START))
    assert [record["lead_id"] for record in records] == ["ü 3"]
    assert differences(records, naive_score(lines(told), grid, max(at, START))) == []
