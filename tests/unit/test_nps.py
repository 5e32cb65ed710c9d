"""The NPS of answers, by group, and its command."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from deploy.cli import app
from scorer.event import check
from scorer.nps import answers, report, spearman


def _event(number: int, rating: object, **properties: object) -> dict[str, object]:
    return {
        "id": f"e-{number}", "type": "nps", "lead_id": f"u-{number}", "time": f"2026-11-01T09:00:0{number}Z",
        "properties": {"rating": rating, "survey": "delivery", "message_id": f"m-{number}", **properties},
    }  # fmt: skip


def test_the_newest_answer_counts_and_only_marks_do() -> None:
    told = [
        _event(1, 3, tier_sent="hot", score_sent=80),
        {**_event(1, 10, tier_sent="hot", score_sent=80), "id": "later", "time": "2026-11-02T09:00:00Z"},
        _event(2, 6, tier="cold", score=5.0),
        _event(3, 7),
        _event(4, "10"),
        _event(5, 11),
        _event(6, True),
        {**_event(7, 10), "type": "outcome"},
    ]
    found = answers([check(one) for one in told], "tier")
    assert sorted((one.rating, one.group, one.score) for one in found) == [
        (6, "cold", 5.0), (7, "-", None), (10, "hot", 80.0)
    ]  # fmt: skip
    made = report(found)
    assert made.total is not None
    assert (made.total.nps, made.pairs, made.correlation) == (0.0, 2, None)


@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(0, 10)), max_size=30))
def test_a_rank_correlation_is_one_and_does_not_mind_a_scale(pairs: list[tuple[int, int]]) -> None:
    plain = [(float(one), float(other)) for one, other in pairs]
    found = spearman(plain)
    assert found is None or -1 <= found <= 1
    assert spearman([(one**3, other) for one, other in plain]) == found


def test_ties_by_hand() -> None:
    # ranks 0, 1.5, 1.5, 3 against 0, 1, 2, 3: 4.5 / sqrt(4.5 × 5)
    assert spearman([(1.0, 1.0), (2.0, 2.0), (2.0, 3.0), (4.0, 4.0)]) == pytest.approx(0.9486832980505138)


def test_the_command(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    ratings = [(10, "hot", 90), (9, "hot", 80), (3, "cold", 10), (7, "warm", 40)]
    told = [
        _event(number, rating, tier_sent=tier, score_sent=score)
        for number, (rating, tier, score) in enumerate(ratings)
    ]
    file.write_text("".join(json.dumps(one) + "\n" for one in told))
    result = CliRunner().invoke(app, ["nps", str(file)])
    assert result.exit_code == 0
    assert [line.split() for line in result.output.splitlines()[1:5]] == [
        ["cold", "1", "0", "1", "3.0", "-100"],
        ["hot", "2", "2", "0", "9.5", "+100"],
        ["warm", "1", "0", "0", "7.0", "+0"],
        ["all", "4", "2", "1", "7.2", "+25"],
    ]
    assert "(Spearman, 4 answers): +1.00" in result.output
    as_json = CliRunner().invoke(app, ["nps", "--json", "--by", "survey", str(file)])
    assert json.loads(as_json.output)["groups"][0]["group"] == "delivery"


def test_nobody_has_answered(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text("")
    result = CliRunner().invoke(app, ["nps", str(file)])
    assert (result.exit_code, result.output) == (1, "nobody has answered yet\n")
