"""Tells copies of alerts that were delivered before; copied so that what stood before them can go."""

from collections.abc import Iterable
from typing import Any

from aiokafka import TopicPartition

from scorer.copies import origin_of


class Copies:
    """From where on each partition was read, and up to where it had been dealt with before.

    A copy counts as the record that it is a copy of: it was dealt with if the group had committed past that
    one, or if that one was read since. What was deleted before anybody read it is delivered by its copy.
    """

    def __init__(self) -> None:
        self._begun: dict[TopicPartition, tuple[int, int]] = {}

    async def had(self, consumer: Any, partition: TopicPartition, record: Any) -> bool:
        """Whether a record was delivered under another offset; asked of every record, in order."""
        if partition not in self._begun:
            self._begun[partition] = (await consumer.committed(partition) or 0, record.offset)
        origin = origin_of(record.headers)
        committed, first = self._begun[partition]
        return origin is not None and (origin < committed or origin >= first)

    def forget(self, partitions: Iterable[TopicPartition]) -> None:
        """These partitions are somebody else's now."""
        for partition in partitions:
            self._begun.pop(partition, None)
