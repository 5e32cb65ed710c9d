"""A broker in memory: partitions with offsets, compaction, the offsets that a group committed."""

from collections import defaultdict
from typing import Any

from aiokafka.structs import ConsumerRecord
from faust.types import TP

from scorer.topics import full_name
from streams.batching.producer import Outgoing

PREFIX = "sim"


class RecoveryHangs(AssertionError):
    """The last record of a changelog is gone: Faust would wait for it for ever."""


class Broker:
    """All topics, by full name; a compacted record leaves a hole."""

    def __init__(self, partitions: int) -> None:
        self.partitions = partitions
        self.generation = 0
        self.committed: dict[TP, int] = {}
        self.written: defaultdict[TP, list[Any]] = defaultdict(list)
        """Everything that ever came, compacted or not."""
        self._logs: defaultdict[TP, list[Any]] = defaultdict(list)

    def append(self, tp: TP, record: Outgoing) -> None:
        """Puts a record at the end of a partition."""
        log = self._logs[tp]
        key, value, timestamp, headers = record.key, record.value, record.timestamp_ms, record.headers
        made: Any = ConsumerRecord(
            tp.topic, tp.partition, len(log), timestamp or 0, 0, key, value, None, 1, 1, headers
        )
        log.append(made)
        self.written[tp].append(made)

    def end(self, tp: TP) -> int:
        """The offset that comes next."""
        return len(self._logs[tp])

    def read(self, tp: TP, start: int, most: int) -> list[Any]:
        """The records from an offset on."""
        return [record for record in self._logs[tp][start : start + most] if record is not None]

    def changelog(self, tp: TP) -> list[Any]:
        """All that recovery reads of a partition."""
        log = self._logs[tp]
        if log and log[-1] is None:
            raise RecoveryHangs(f"{tp.topic}-{tp.partition} ends with a record that was compacted away")
        return [record for record in log if record is not None]

    def commit(self, tp: TP, offset: int, generation: int) -> None:
        """Takes an offset from a member of the group, if it still is one."""
        if generation == self.generation:
            self.committed[tp] = offset

    def compact(self, topic: str, only: set[TP] | None = None) -> None:
        """Keeps the last record of each key, and no deletion."""
        for tp, log in self._logs.items():
            if tp.topic == topic and (only is None or tp in only):
                last = {record.key: record.offset for record in log if record is not None}
                for at, record in enumerate(log):
                    if record is not None and (last[record.key] != at or record.value is None):
                        log[at] = None

    def all_of(self, topic: str) -> list[Any]:
        """Everything ever written to a topic given by its short name, partition by partition."""
        name = full_name(PREFIX, topic)
        return [record for number in range(self.partitions) for record in self.written[TP(name, number)]]
