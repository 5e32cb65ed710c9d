"""The marker of a cycle names its leads, however many, and what an earlier, longer one left is void."""

import pytest

from scorer import cycle
from scorer.messages import Send


def scores(*keys: str) -> list[Send]:
    return [Send("scores", key.encode(), b"{}", 5) for key in keys]


def test_a_cycle_without_scores_leaves_no_marker() -> None:
    assert cycle.encode([], 1) == []
    assert cycle.decode({}) == {}
    assert cycle.number({}) == 0


def test_names_the_leads_and_when_a_record_was_deleted() -> None:
    store = dict(cycle.encode([*scores("u-1", "u-é"), Send("scores", b"a-1", None, 77)], 1))
    assert cycle.decode(store) == {b"u-1": None, "u-é".encode(): None, b"a-1": 77}


def test_many_leads_make_several_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cycle, "PART_BYTES", 10)
    store = dict(cycle.encode(scores(*(f"lead-{number}" for number in range(7))), 1))
    assert cycle.parts(store) == len(store) == 4
    assert list(cycle.decode(store)) == [b"lead-%d" % number for number in range(7)]
    store |= cycle.encode(scores("lead-9"), 2)
    assert cycle.parts(store) == 4
    assert cycle.decode(store) == {b"lead-9": None}
    assert cycle.number(store) == 2
