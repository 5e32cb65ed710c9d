"""Bounds of scores: no lead ever stands above its own, at no moment and in no grid."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.serve.scoring import Scoring
from scorer.messages import Record
from scorer.plan import Plan
from scorer.shard import Shard
from scorer.times import DAY, format_time
from tests.serve_live import GRID, START


@pytest.fixture(scope="module")
def scoring(tmp_path_factory: pytest.TempPathFactory) -> Scoring:
    path = tmp_path_factory.mktemp("grid") / "grid.yml"
    path.write_text(
        GRID.replace(
            "tiers:",
            """
  - {id: unsubscribed, score: engagement, points: -40, event: unsubscribe, half_life: 3d}
  - {id: twice, score: engagement, points: 25, event: page_view, repeat: {at_least: 2, within: 5d}}
tiers:""",
        )
    )
    return Scoring(path)


events = st.lists(
    st.tuples(st.sampled_from(["page_view", "download", "unsubscribe"]), st.integers(0, 40 * DAY)),
    min_size=1,
    max_size=12,
)


@given(events, st.lists(st.integers(0, 90 * DAY), min_size=2, max_size=6))
def test_no_score_passes_its_bound(scoring: Scoring, drawn: list[tuple[str, int]], waits: list[int]) -> None:
    record = recorded(scoring, drawn)
    written = START + max(at for _, at in drawn)
    moments = [written + wait for wait in sorted(waits)]
    for position, since in enumerate([written, *moments]):
        bound = scoring.upper_bound(record, since)
        for moment in moments[position:]:
            assert scoring.score(record, moment) <= bound + 1e-9


@given(events, st.integers(0, 90 * DAY))
def test_a_later_bound_is_no_higher(scoring: Scoring, drawn: list[tuple[str, int]], wait: int) -> None:
    record = recorded(scoring, drawn)
    written = START + max(at for _, at in drawn)
    first, later = scoring.upper_bound(record, written), scoring.upper_bound(record, written + wait)
    assert later <= first + 1e-9 or any(entry[1] < 0 for entry in record["fading"])


def recorded(scoring: Scoring, drawn: list[tuple[str, int]]) -> dict[str, Any]:
    """The score record that the real scoring writes."""
    shard = Shard(Plan(scoring.grid), {}, 0, 1)
    for number, (kind, after) in enumerate(sorted(drawn, key=lambda one: one[1])):
        url = {"url": "https://leadheat.example/pricing"}
        event = {
            "id": str(number),
            "type": kind,
            "lead_id": "u",
            "time": format_time(START + after),
            "properties": url,
        }
        shard.receive([Record("signals", 0, number, START + after, b"u", msgspec.json.encode(event))])
    (sent,) = shard.flush().scores
    assert sent.value is not None
    return dict(msgspec.json.decode(sent.value))
