"""Partitions that go: states that were changed and will not be written are not gone on from."""

from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from scorer.grid import parse_grid
from scorer.messages import Record
from scorer.plan import Plan
from scorer.shard import Shard
from scorer.times import Micros
from streams.config import WorkerConfig
from streams.inbox import Inbox
from streams.scoring import Scoring

GRID = """\
grid: g
version: 1
scores: {engagement: {min: 0, max: 100}}
criteria:
  - {id: view, score: engagement, points: 10, event: page_view}
tiers: [{id: cold}, {id: warm, from: 20}]
"""


class Position:
    """A consumer that has everything."""

    def expected(self, tp: Any) -> int:
        return 0

    end = expected

    def at_end(self, tp: Any) -> bool:
        return True


class Written:
    """A writer whose broker takes everything."""

    def __init__(self) -> None:
        self.changes: list[Any] = []

    async def write(self, changes: Any, settle: Any) -> None:
        self.changes.append(changes)
        for partition in changes:
            settle(partition)


def scoring(
    told: list[str], writer: Written, states: Mapping[int, MutableMapping[bytes, bytes]] | None = None
) -> Scoring:
    config = WorkerConfig("kafka:9092", "test", Path("grid.yml"), lambda: Micros(0), partitions=1)
    return Scoring(
        config,
        Plan(parse_grid(GRID)),
        Shard,
        states or {0: {}},
        Inbox(Position(), {"test.page-views": "page-views"}),
        writer,  # type: ignore[arg-type]
        lambda event: True,
        lambda tp, offset: None,
        lambda tp: 0,
        lambda: told.append("persist"),
        lambda partitions: told.extend(f"discard {partition}" for partition in partitions),
    )


def written_before(states: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """A store in which a lead was scored."""
    store = dict(states)
    shard = Shard(Plan(parse_grid(GRID)), store, 0, 1)
    event = b'{"type":"page_view","lead_id":"u-1","id":"1"}'
    shard.receive([Record("page-views", 0, 0, 0, None, event)])
    shard.flush()
    return store


async def test_what_recovery_owes_and_did_not_write_is_discarded() -> None:
    told: list[str] = []
    worker = scoring(told, Written(), {0: written_before({}), 1: {}})
    worker.assign([0, 1], {}, 1)
    await worker.release()
    assert told == ["discard 0"]  # recovery makes the last cycle's scores anew, behind a marker


async def test_what_was_written_is_persisted_and_stays() -> None:
    told: list[str] = []
    writer = Written()
    worker = scoring(told, writer)
    worker.assign([0], {}, 1)
    await worker._one_cycle()
    await worker.release()
    assert len(writer.changes) == 2  # what recovery owed, then the cycle
    assert told == ["persist", "persist"]
