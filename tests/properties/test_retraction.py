"""What is taken back has never been: in files and in streams, in any order, of robots as of anybody."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from scorer.event import decode
from scorer.evidence import Evidence
from scorer.files import score_lines
from scorer.slots import DOUBTFUL
from scorer.times import parse_time
from tests.oracle.agreement import differences
from tests.oracle.lines import DAY, SECOND, micros, text_of
from tests.properties.effort import examples
from tests.properties.grids import grids
from tests.properties.logs import Told, lines, logs
from tests.properties.test_laws import LATER, plan_of, total
from tests.properties.test_stream_any_order import END, OF_THE_WALK, streamed

MINUTE = 60 * SECOND
SEEDS = st.integers(0, 1 << 32)
_FOR_GOOD = ("identify", "alias")


def taken_back(told: Told, name: str) -> Told:
    """What takes an event back."""
    who = {name: told[name] for name in ("lead_id", "anonymous_id") if name in told}
    event = {"id": f"r{name}", "type": "retract", "time": told["time"], **who}
    return event | {"properties": {"event": told}}


def marked(told: Told) -> Told:
    """The same event as a robot's."""
    return told | {"context": {**told.get("context", {}), "bot": True}}


@st.composite
def spaced(draw: st.DrawFn) -> list[Told]:
    """A log in which no two events fall into one minute: of the last activity, minutes are spared."""
    log = draw(logs(identity=False, all_ids=True, copies=False))
    for number, told in enumerate(log):
        told["time"] = text_of(micros(told["time"]) + 2 * number * MINUTE)
    return log


@st.composite
def some_taken_back(draw: st.DrawFn, log: list[Told], most: int = 4) -> tuple[list[Told], list[Told]]:
    """What is left of a log, and what takes back the others (each once or twice)."""
    gone = [told for told in log if told["type"] in DOUBTFUL and draw(st.booleans())][:most]
    left = [told for told in log if told not in gone]
    back = [taken_back(told, f"{at}-{copy}") for at, told in enumerate(gone) for copy in "ab"[: 1 + at % 2]]
    return left, back


def _of_those(records: list[Told], others: list[Told]) -> list[Told]:
    """A lead all of whose events were taken back still has a record of nothing in the stream."""
    leads = {record["lead_id"] for record in others}
    return [record for record in records if record["lead_id"] in leads]


@examples(60)
@given(spaced(), grids(), st.data(), SEEDS)
def test_in_a_stream_in_any_order(log: list[Told], grid: Told, data: st.DataObject, seed: int) -> None:
    left, back = data.draw(some_taken_back(log))
    arrivals = data.draw(st.permutations(log + back))
    expected = score_lines(lines(left), plan_of(grid), END)
    found = _of_those(streamed(arrivals, grid, seed), expected)
    said = differences(found, expected)
    assert [one for one in said if not any(word in one for word in (*OF_THE_WALK, ": next_tier "))] == []


@examples(60)
@given(spaced(), grids(), st.data())
def test_in_a_file(log: list[Told], grid: Told, data: st.DataObject) -> None:
    left, back = data.draw(some_taken_back(log))
    plan = plan_of(grid)
    mixed = data.draw(st.permutations(log + back))
    assert differences(score_lines(lines(mixed), plan, END), score_lines(lines(left), plan, END)) == []


@examples(60)
@given(spaced(), grids(), st.data(), SEEDS)
def test_a_robot_scores_nothing(log: list[Told], grid: Told, data: st.DataObject, seed: int) -> None:
    robots = {told["id"] for told in log if told["type"] not in _FOR_GOOD and data.draw(st.booleans())}
    mixed = [marked(told) if told["id"] in robots else told for told in log]
    left = [told for told in log if told["id"] not in robots]
    plan = plan_of(grid)
    expected = score_lines(lines(left), plan, END)
    assert differences(score_lines(lines(mixed), plan, END), expected) == []
    found = streamed(sorted(mixed, key=lambda told: parse_time(told["time"])), grid, seed)
    said = differences(found, expected)
    assert [one for one in said if not any(word in one for word in (*OF_THE_WALK, ": next_tier "))] == []


@examples(100)
@given(spaced(), grids(), st.data())
def test_evidence_is_as_if_it_had_never_been(log: list[Told], grid: Told, data: st.DataObject) -> None:
    plan = plan_of(grid)
    left, back = data.draw(some_taken_back(log))
    kept, evidence = Evidence(), Evidence()
    for told in left:
        kept.add(*_read(told), plan)
    for told in data.draw(st.permutations(log)):
        evidence.add(*_read(told), plan)
    for told in {told["properties"]["event"]["id"]: told for told in back}.values():
        evidence.take_back(*_read(told["properties"]["event"]), plan)
    for moment in range(max(kept.newest, evidence.newest), LATER, 5 * DAY):
        assert abs(total(evidence, plan, moment) - total(kept, plan, moment)) < 1e-9
    assert _amounts(evidence).keys() == _amounts(kept).keys()


def _read(told: Told) -> tuple[Any, int]:
    return decode(json.dumps(told).encode()), parse_time(told["time"])


def _amounts(evidence: Evidence) -> dict[int, float]:
    return {slot: amount for slot, amount in evidence.sums.items() if amount}
