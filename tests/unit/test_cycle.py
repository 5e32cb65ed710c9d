"""The markers of cycles name their leads, however many; what an earlier, longer one left is void."""

import pytest

from scorer import cycle
from scorer.cycle import KEY, Markers
from scorer.lead import REVISION_BITS, peek, supersedes
from scorer.messages import Send


def scores(*keys: str) -> list[Send]:
    return [Send("scores", key.encode(), b"{}", 5) for key in keys]


def recovered(store: dict[bytes, bytes]) -> Markers:
    markers = Markers(store)
    for key in store:
        markers.found(key)
    return markers


def test_a_cycle_without_scores_leaves_no_marker() -> None:
    store: dict[bytes, bytes] = {}
    markers = Markers(store)
    assert markers.mark([], 1) == ([], [])
    assert markers.clear(1) == []
    assert markers.leads() == {}
    assert store == {}


def test_names_the_leads_and_when_a_record_was_deleted() -> None:
    store: dict[bytes, bytes] = {}
    written, _ = Markers(store).mark([*scores("u-1", "u-é"), Send("scores", b"a-1", None, 77)], 1)
    assert dict(written) == store
    assert recovered(store).leads() == {b"u-1": None, "u-é".encode(): None, b"a-1": 77}


def test_many_leads_make_several_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cycle, "PART_BYTES", 10)
    store: dict[bytes, bytes] = {}
    markers = Markers(store)
    markers.mark(scores(*(f"lead-{number}" for number in range(7))), 1)
    assert len(store) == 4
    assert list(markers.leads()) == [b"lead-%d" % number for number in range(7)]
    markers.mark(scores("lead-9"), 1)
    assert markers.leads() == recovered(store).leads() == {b"lead-9": None}
    assert peek(store[KEY + b"0/0"]).revision == 2
    assert dict(markers.clear(1)).keys() == {KEY + b"0/%d" % part for part in range(4)}
    assert store.keys() == {KEY + b"0/0"}
    assert markers.leads() == recovered(store).leads() == {}


def test_what_a_worker_that_was_cut_off_wrote_late_is_named_until_the_next_cycle() -> None:
    first, second, third = (generation << REVISION_BITS for generation in (1, 2, 3))
    store: dict[bytes, bytes] = {}
    owner, cut_off = Markers(store), dict[bytes, bytes]()
    late, _ = Markers(cut_off).mark(scores("u-1"), first)
    owner.mark(scores("u-2"), second)
    store |= cut_off
    following = recovered(store)
    assert following.leads() == {b"u-1": None, b"u-2": None}
    written, after = following.mark(scores("u-1", "u-2", "u-3"), third)
    assert [key for key, _ in written] == [KEY + b"3/0"]
    assert sorted(key for key, _ in after) == [KEY + b"1/0", KEY + b"2/0"]
    assert following.leads() == recovered(store).leads() == {b"u-1": None, b"u-2": None, b"u-3": None}
    assert following.mark(scores("u-4"), third)[1] == []
    assert supersedes(dict(late)[KEY + b"1/0"] or b"", store[KEY + b"1/0"])  # should it come once more


def test_an_erased_id_is_in_no_marker_however_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cycle, "PART_BYTES", 3)
    store: dict[bytes, bytes] = {}
    Markers(store).mark(scores("u-1", "u-2"), 1 << REVISION_BITS)
    markers = recovered(store)
    markers.mark(scores("u-3"), 2 << REVISION_BITS)
    assert b"u-2" in b"".join(store.values())  # void, and still there
    written = dict(markers.clear(2 << REVISION_BITS))
    assert b"u-" not in b"".join(store.values())
    assert written[KEY + b"1/1"] is None


def test_goes_on_where_the_group_counts_its_generations_anew() -> None:
    store: dict[bytes, bytes] = {}
    Markers(store).mark(scores("u-1"), 9 << REVISION_BITS)
    recovered(store).mark(scores("u-2"), 1 << REVISION_BITS)
    assert recovered(store).leads() == {b"u-2": None}
    assert peek(store[KEY + b"1/0"]).revision == (9 << REVISION_BITS) + 1
