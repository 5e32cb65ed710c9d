"""Files of events: which lines count, and once."""

import json
from pathlib import Path
from typing import Any

import pytest

from scorer.files import read_lines, score_lines
from scorer.grid import parse_grid
from scorer.plan import Plan
from scorer.times import parse_time

PLAN = Plan(
    parse_grid(
        "grid: g\nversion: 1\nscores: {s: }\ntiers: [{id: cold}]\n"
        "criteria: [{id: view, score: s, points: 1, event: page_view}]\n"
    )
)
AT = parse_time("2026-11-01T00:00:00Z")


def event(lead: str, kind: str = "page_view", day: int = 1, **more: Any) -> dict[str, Any]:
    return {"type": kind, "lead_id": lead, "time": f"2026-10-{day:02}T00:00:00Z", **more}


def scores(*paths: Path, as_arrived: bool = False) -> dict[str, float]:
    records = score_lines(read_lines(paths), PLAN, AT, as_arrived)
    return {record["lead_id"]: record["score"] for record in records}


def log(path: Path, *events: dict[str, Any]) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(each) + "\n" for each in events))
    return path


@pytest.mark.parametrize("as_arrived", [False, True])
def test_an_alias_of_an_id_that_is_another_by_now_brings_that_ones_ids(
    tmp_path: Path, as_arrived: bool
) -> None:
    file = log(
        tmp_path / "e.jsonl",
        *(event(lead, id=name) for lead, name in [("u1", "x"), ("u2", "y"), ("u3", "z")]),
        event("u2", "alias", 2, id="a1", properties={"previous_id": "u1"}),
        event("u3", "alias", 3, id="a2", properties={"previous_id": "u1"}),
        event("u3", day=4, id="x"),
        event("u3", day=4, id="y"),
    )
    assert scores(file, as_arrived=as_arrived) == {"u3": 3}


@pytest.mark.parametrize("as_arrived", [False, True])
def test_an_alias_that_would_close_a_circle_or_says_it_again_is_ignored(
    tmp_path: Path, as_arrived: bool
) -> None:
    file = log(
        tmp_path / "e.jsonl",
        *(event(lead) for lead in ("u1", "u2", "u3")),
        event("u2", "alias", 2, properties={"previous_id": "u1"}),
        event("u2", "alias", 3, properties={"previous_id": "u1"}),
        event("u3", "alias", 4, properties={"previous_id": "u2"}),
        event("u1", "alias", 5, properties={"previous_id": "u3"}),
        event("u1", day=6),
    )
    (record,) = score_lines(read_lines([file]), PLAN, AT, as_arrived)
    assert (record["lead_id"], record["identities"], record["score"]) == ("u3", ["u3", "u1", "u2"], 4)


@pytest.mark.parametrize("as_arrived", [False, True])
def test_a_tie_told_twice_is_one(tmp_path: Path, as_arrived: bool) -> None:
    visit = event("", id="e1", anonymous_id="a1")
    ties = [event("u1", "identify", 2, id=name, anonymous_id="a1") for name in ("i1", "i2")]
    file = log(tmp_path / "e.jsonl", visit, *ties, event("", day=3, id="e2", anonymous_id="a1"))
    assert scores(file, as_arrived=as_arrived) == {"u1": 2}


def test_lines_without_an_id_are_told_apart_by_the_folder_of_their_file_too(tmp_path: Path) -> None:
    files = [log(tmp_path / folder / "e.jsonl", event("u")) for folder in ("monday", "tuesday")]
    assert scores(*files) == {"u": 2}


def test_a_byte_order_mark_windows_line_ends_and_blank_lines_are_no_events(tmp_path: Path) -> None:
    file = tmp_path / "e.jsonl"
    line = json.dumps(event("u")).encode()
    file.write_bytes(b"\xef\xbb\xbf" + line + b"\r\n\r\n \t\n" + line)
    assert [number for _, number, _ in read_lines([file])] == [1, 4]
    assert scores(file) == {"u": 2}
