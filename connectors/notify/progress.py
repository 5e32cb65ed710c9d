"""Knows up to which offset of each partition every alert has been dealt with."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from aiokafka import TopicPartition


@dataclass(eq=False)
class Ticket:
    """A record's place in its partition; `revoked` once the partition is somebody else's."""

    partition: TopicPartition
    offset: int
    done: bool = False
    revoked: bool = False


@dataclass
class Progress:
    """Records in the order of their offsets, those at the front let go once they are done.

    >>> progress, here = Progress(), TopicPartition("alerts", 0)
    >>> first, second = progress.begin(here, 7), progress.begin(here, 8)
    >>> progress.finish(second); progress.take()
    {}
    >>> progress.finish(first); progress.take()
    {TopicPartition(topic='alerts', partition=0): 9}
    """

    waiting: int = 0
    _open: dict[TopicPartition, deque[Ticket]] = field(default_factory=dict)
    _ready: dict[TopicPartition, int] = field(default_factory=dict)

    def begin(self, partition: TopicPartition, offset: int) -> Ticket:
        """Note a record that was fetched."""
        ticket = Ticket(partition, offset)
        self._open.setdefault(partition, deque()).append(ticket)
        self.waiting += 1
        return ticket

    def finish(self, ticket: Ticket) -> None:
        """Note that nothing is left to do for a record."""
        ticket.done = True
        tickets = self._open.get(ticket.partition, deque())
        while tickets and tickets[0].done:
            self._ready[ticket.partition] = tickets.popleft().offset + 1
            self.waiting -= 1

    def take(self) -> dict[TopicPartition, int]:
        """The offsets to commit, given once."""
        ready, self._ready = self._ready, {}
        return ready

    def put_back(self, offsets: dict[TopicPartition, int]) -> None:
        """Give them again: they could not be committed."""
        self._ready = offsets | self._ready

    def forget(self, partitions: Iterable[TopicPartition]) -> None:
        """These partitions are somebody else's now."""
        for partition in partitions:
            self._ready.pop(partition, None)
            for ticket in self._open.pop(partition, ()):
                ticket.revoked = True
                self.waiting -= 1
