"""The stream's core, on several partitions, killed anywhere, gives the scores of the file."""

import json
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from scorer.arrival import arrived
from scorer.event import decode
from scorer.files import score_lines
from scorer.grid import parse_grid
from scorer.identity import tied
from scorer.plan import Plan
from scorer.reading import Reader
from scorer.times import parse_time
from tests.oracle.agreement import differences
from tests.partitioned import Stream
from tests.properties.effort import examples
from tests.properties.grids import grids, text
from tests.properties.logs import VISITORS, Told, logs, moments

STEPS = ("", "", "", "some", "scores", "states", "outbox", "settled")


def in_order(log: list[Told], at: int) -> list[tuple[bytes, int]]:
    """The log's lines up to `at` in order of time, with their moments; at one moment what ties ids first.

    Without ties of an id to two leads at one moment: the contract does not say which is the later.
    """

    def place(each: tuple[bytes, int]) -> tuple[int, bool, str]:
        event = decode(each[0])
        return each[1], tied(event) is None, str(event.id)

    timed = [(json.dumps(told).encode(), int(parse_time(told["time"]))) for told in log]
    lines = sorted(((line, moment) for line, moment in timed if moment <= at), key=place)
    return _one_lead(lines, lambda other, moment: (other, moment))


def nobody_shares(lines: list[tuple[bytes, int]]) -> list[tuple[bytes, int]]:
    """The lines but for ties of a visitor to a second lead: which an event follows, its arrival decides."""
    known = {decode(line).lead_id for line, _ in lines}
    return _one_lead(lines, lambda other, moment: (other, moment if other in known else 0))


def _one_lead(
    lines: list[tuple[bytes, int]], of: Callable[[str, int], tuple[str, int]]
) -> list[tuple[bytes, int]]:
    """The lines but for ties to a second lead of what `of` makes of an id and a moment."""
    leads: dict[tuple[str, int], str | None] = {}
    kept = []
    for line, moment in lines:
        event = decode(line)
        said = tied(event)
        if said is None or leads.setdefault(of(said[0], moment), event.lead_id) == event.lead_id:
            kept.append((line, moment))
    return kept


def walk_apart(said: str) -> bool:
    """Whether a difference is of the walk, which the order of arrival may change."""
    return ": tier " in said or ": since " in said


def apart(stream: Stream, lines: list[tuple[bytes, int]], at: int, raced: bool = False) -> list[str]:
    """What the stream's scores and the file's do not say the same of.

    Aliases that `raced` make one lead of the same ids, but the last to come decides which of them names it.
    """
    reader = Reader(stream.plan)
    found = [reader.at(record, at) for record in stream.scores.values()]
    told = [("log", number, line) for number, (line, _) in enumerate(lines, 1)]
    expected = score_lines(told, stream.plan, at)
    if raced:
        found, expected = (list(map(named_by_its_least_lead, records)) for records in (found, expected))
    found.sort(key=lambda record: (-record["score"], record["lead_id"]))
    return differences(found, expected)


def named_by_its_least_lead(record: Told) -> Told:
    leads = set(record["identities"]) - set(VISITORS) or {record["lead_id"]}
    return record | {"lead_id": min(leads), "identities": [min(leads), *record["identities"]]}


@examples(100)
@given(logs(all_ids=True, copies=False), grids(), moments(), st.data())
def test_kills_races_and_stray_records_change_no_score(
    log: list[Told], grid: Told, at: int, data: st.DataObject
) -> None:
    stream = Stream(Plan(parse_grid(text(grid), "generated.yml")))
    lines = nobody_shares(in_order(log, at))
    for line, moment in lines:
        astray = data.draw(st.integers(0, 9))
        stream.publish(line, moment, astray if astray < stream.partitions else None)
        number = data.draw(st.integers(0, stream.partitions - 1))
        stream.cycle(number, data.draw(st.integers(1, 4)), data.draw(st.sampled_from(STEPS)))
    stream.drain(lambda busy: data.draw(st.sampled_from(busy)))
    stream.advance(at)
    assert [said for said in apart(stream, lines, at, raced=True) if not walk_apart(said)] == []
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
