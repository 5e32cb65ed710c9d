"""Holds fetched records until it is their turn: the topics of a partition number merged by time.

A record waits while another topic of its partition number may still bring an older one, that is, while the
broker holds records of that topic which have not come yet; so catching up sees events in order of arrival.
"""

import heapq
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from faust.types import TP

from scorer.messages import Record
from streams.batching.scheduler import Batch

PATIENCE_S: Final = 1.0
"""How long records wait for a topic that the broker says holds more: its leader may be away, or what is left
of it is never delivered (a transaction's markers)."""

_WAITING_RECORDS: Final = 65_536
"""Once so many wait, no more is asked for of the topics' partitions that have their share of them already."""
_LEAST_SHARE: Final = 512


class Position(Protocol):
    """What the consumer knows of a partition."""

    def expected(self, tp: TP) -> int | None:
        """The offset that will be delivered next."""

    def end(self, tp: TP) -> int | None:
        """The end of the partition, as far as known."""

    def at_end(self, tp: TP) -> bool:
        """Whether nothing more is to be fetched."""


class Portion(NamedTuple):
    """Records of one partition number whose turn has come, and up to where they finish each topic."""

    partition: int
    records: list[Record]
    done: dict[TP, int]


@dataclass(slots=True)
class _Lane:
    """What came of one topic of one partition number."""

    tp: TP
    topic: str
    records: deque[Record] = field(default_factory=deque)
    next: int | None = None  # the offset after the last that came
    awaited_since: float | None = None


class Inbox:
    """Batches of all partitions that this worker owns."""

    def __init__(
        self, position: Position, topics: dict[str, str], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """`topics`: full name to short name of every topic that is read."""
        self._position = position
        self._topics = topics
        self._monotonic = monotonic
        self._lanes: defaultdict[int, list[_Lane]] = defaultdict(list)
        self._by_tp: dict[TP, _Lane] = {}
        self._share = _WAITING_RECORDS
        self._waiting = 0

    def own(self, partitions: Sequence[int]) -> None:
        """Starts anew with these partition numbers."""
        self._lanes.clear()
        for partition in partitions:
            self._lanes[partition] = [
                _Lane(TP(full, partition), short) for full, short in sorted(self._topics.items())
            ]
        self._by_tp = {lane.tp: lane for lanes in self._lanes.values() for lane in lanes}
        self._share = max(_WAITING_RECORDS // max(1, len(self._by_tp)), _LEAST_SHARE)
        self._waiting = 0

    def put(self, batch: Batch) -> bool:
        """Takes a batch in; False where its partition is not ours."""
        lane = self._by_tp.get(TP(batch.topic, batch.partition))
        if lane is None:
            return False
        short, partition = lane.topic, batch.partition
        lane.records.extend(
            Record(short, partition, r.offset, r.timestamp * 1000, r.key, r.value, tuple(r.headers))
            for r in batch.records
        )
        self._waiting += len(batch.records)
        lane.next = batch.offset + 1
        lane.awaited_since = None
        return True

    def enough(self, tp: TP) -> bool:
        """Whether so much of a partition waits that others, which it may wait for, should come first."""
        lane = self._by_tp.get(tp)
        return self._full and lane is not None and len(lane.records) >= self._share

    def behind(self) -> int:
        """How many records wait, here and, as far as known, at the broker."""
        return self._waiting + self._to_come()

    def gathers(self) -> bool:
        """Whether more is to come, and asked for."""
        return not self._full and self._to_come() > 0

    @property
    def _full(self) -> bool:
        return self._waiting >= _WAITING_RECORDS

    def _to_come(self) -> int:
        return sum(max(0, self._left(lane) or 0) for lane in self._by_tp.values())

    def take(self, limit: int) -> list[Portion]:
        """The records whose turn has come, about `limit` of them, those that came first first."""
        waiting = [lanes for lanes in self._lanes.values() if any(lane.records for lane in lanes)]
        waiting.sort(key=lambda lanes: min(lane.records[0].timestamp for lane in lanes if lane.records))
        share = max(1, limit // max(1, len(waiting)))
        portions = []
        for lanes in waiting:
            records = self._merge(lanes, share)
            if records:
                portions.append(Portion(lanes[0].tp.partition, records, _reached(lanes, records)))
                self._waiting -= len(records)
        return portions

    def quiet(self, partition: int) -> bool:
        """Whether all that the broker holds of a partition number of ours has come and was taken."""
        lanes = self._lanes.get(partition)
        return lanes is not None and all(map(self._empty, lanes))

    def _merge(self, lanes: list[_Lane], limit: int) -> list[Record]:
        open_topics = {lane.topic for lane in lanes if self._awaited(lane)}
        heads = [(lane.records[0].timestamp, lane.topic, lane) for lane in lanes if lane.records]
        if any(not lane.records and lane.topic in open_topics for lane in lanes):
            return []
        merged: list[Record] = []
        heapq.heapify(heads)  # by time, then topic; offsets are in order within a topic
        while heads and len(merged) < limit:
            _, topic, lane = heads[0]
            records = lane.records
            merged.append(records.popleft())
            if records:
                heapq.heapreplace(heads, (records[0].timestamp, topic, lane))
            else:
                heapq.heappop(heads)
                if topic in open_topics:
                    break
        return merged

    def _left(self, lane: _Lane) -> int | None:
        """How many offsets of a topic the broker holds that have not come; None where that is not known."""
        expected = lane.next if lane.next is not None else self._position.expected(lane.tp)
        end = self._position.end(lane.tp)
        return None if expected is None or end is None else end - expected

    def _drained(self, lane: _Lane) -> bool:
        left = self._left(lane)
        return left is not None and left <= 0

    def _empty(self, lane: _Lane) -> bool:
        if lane.records:
            return False
        if self._drained(lane):
            return True
        return not self._awaited(lane) and self._position.at_end(lane.tp)

    def _awaited(self, lane: _Lane) -> bool:
        """Whether the broker holds more of this topic, and we have not waited for it long enough."""
        if self._drained(lane):
            lane.awaited_since = None
            return False
        if lane.records:
            return True
        now = self._monotonic()
        if lane.awaited_since is None:
            lane.awaited_since = now
        return now - lane.awaited_since < PATIENCE_S


def _reached(lanes: list[_Lane], taken: list[Record]) -> dict[TP, int]:
    """The offset after the last record taken of each topic."""
    last = {record.topic: record.offset for record in taken}
    return {lane.tp: last[lane.topic] + 1 for lane in lanes if lane.topic in last}
