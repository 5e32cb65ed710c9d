"""The stream's core, on several partitions, killed anywhere, gives the scores of the file."""

import json

from hypothesis import given
from hypothesis import strategies as st

from scorer.arrival import arrived
from scorer.files import score_lines
from scorer.grid import parse_grid
from scorer.plan import Plan
from scorer.reading import Reader
from scorer.times import parse_time
from tests.oracle.agreement import differences
from tests.partitioned import Stream
from tests.properties.effort import examples
from tests.properties.grids import grids, text
from tests.properties.logs import Told, logs, moments

STEPS = ("", "", "", "scores", "states", "outbox", "settled")


def in_order(log: list[Told], at: int) -> list[tuple[bytes, int]]:
    """The log's lines up to `at` in order of time, with their moments."""
    timed = [(parse_time(told["time"]), json.dumps(told).encode()) for told in log if "time" in told]
    return [(line, moment) for moment, line in sorted(timed, key=lambda each: each[0]) if moment <= at]


def walk_apart(said: str) -> bool:
    """Whether a difference is of the walk, which the order of arrival may change."""
    return ": tier " in said or ": since " in said


def apart(stream: Stream, lines: list[tuple[bytes, int]], at: int) -> list[str]:
    """What the stream's scores and the file's do not say the same of."""
    reader = Reader(stream.plan)
    found = [reader.at(record, at) for record in stream.scores.values()]
    found.sort(key=lambda record: (-record["score"], record["lead_id"]))
    told = [("log", number, line) for number, (line, _) in enumerate(lines, 1)]
    return differences(found, score_lines(told, stream.plan, at))


@examples(100)
@given(logs(all_ids=True, copies=False), grids(), moments(), st.data())
def test_kills_races_and_stray_records_change_no_score(
    log: list[Told], grid: Told, at: int, data: st.DataObject
) -> None:
    stream = Stream(Plan(parse_grid(text(grid), "generated.yml")))
    lines = in_order(log, at)
    for line, moment in lines:
        astray = data.draw(st.integers(0, 9))
        stream.publish(line, moment, astray if astray < stream.partitions else None)
        number = data.draw(st.integers(0, stream.partitions - 1))
        stream.cycle(number, data.draw(st.integers(1, 4)), data.draw(st.sampled_from(STEPS)))
    stream.drain(lambda busy: data.draw(st.sampled_from(busy)))
    stream.advance(at)
    assert [said for said in apart(stream, lines, at) if not walk_apart(said)] == []
    assert stream.dead == []


@examples(100)
@given(logs(all_ids=True), grids(), moments())
def test_a_stream_that_keeps_up_walks_as_the_log_arrived(log: list[Told], grid: Told, at: int) -> None:
    stream = Stream(Plan(parse_grid(text(grid), "generated.yml")))
    lines = in_order(log, at)
    for line, moment in lines:
        stream.publish(line, moment)
        stream.drain()
    stream.advance(at)
    key = lambda step: (step[1].at, step[0])  # noqa: E731
    assert sorted(stream.changes, key=key) == sorted(arrived(lines, stream.plan, at).changes, key=key)
    assert [said for said in apart(stream, lines, at) if not walk_apart(said)] == []
