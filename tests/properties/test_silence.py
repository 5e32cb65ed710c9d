"""A log imported as history gives the file's scores and walk, and no alert but of what comes afterwards."""

from hypothesis import given

from scorer.arrival import arrived
from scorer.grid import parse_grid
from scorer.plan import Plan
from scorer.silence import header
from scorer.times import DAY, Micros, parse_time
from tests.partitioned import Stream
from tests.properties.effort import examples
from tests.properties.grids import grids, text, watching
from tests.properties.logs import Told, logs, moments
from tests.properties.test_stream_is_the_file import apart, in_order, walk_apart


@examples(100)
@given(logs(all_ids=True), grids() | watching(), moments())
def test_an_imported_log_walks_as_the_file_and_announces_only_what_comes_later(
    log: list[Told], grid: Told, at: int
) -> None:
    stream = Stream(Plan(parse_grid(text(grid), "generated.yml")))
    live = Stream(stream.plan)
    lines = in_order(log, at)
    for line, moment in lines:
        stream.publish(line, moment, headers=(header(Micros(at)),))
        live.publish(line, moment)
        stream.drain()
        live.drain()
        stream.advance(at - 1)  # the worker's own clock: all of this is past
    stream.advance(at)
    live.advance(at)
    assert stream.alerts == {}
    key = lambda step: (step[1].at, step[0])  # noqa: E731
    assert sorted(stream.changes, key=key) == sorted(arrived(lines, stream.plan, at).changes, key=key)
    assert _standing(stream) == _standing(live)
    assert [said for said in apart(stream, lines, at) if not walk_apart(said)] == []
    before = set(live.alerts)
    stream.advance(at + 40 * DAY)
    live.advance(at + 40 * DAY)
    never_cooling = {play.id for play in stream.plan.grid.plays if not play.cooldown_us}
    later = {
        one: alert
        for one, alert in live.alerts.items()
        if one not in before and alert["play"] in never_cooling
    }
    assert all(parse_time(alert["at"]) > at for alert in stream.alerts.values())
    assert later.items() <= stream.alerts.items()


def _standing(stream: Stream) -> dict[str, tuple[str, str]]:
    """By lead its tier and since when; what it scores is compared with the file, as it reads at one moment.

    The records themselves may be of other moments: when time may next change a tier is an estimate that is
    looked at again, and each look writes the score.
    """
    return {lead: (record["tier"], record["since"]) for lead, record in stream.scores.items()}
