"""What the stream asks of the scoring of one partition number; `scorer.shard.Shard` does it."""

from collections.abc import Iterable, MutableMapping
from typing import Protocol

from scorer.messages import Changes, Record
from scorer.plan import Plan


class Shard(Protocol):
    """Scores the leads of one partition number, on states that are in a store of bytes."""

    @property
    def leads(self) -> int:
        """How many leads it holds."""

    def recover(self, again: Iterable[bytes] = (), generation: int = 0) -> Changes:
        """The store was filled: what its outboxes still hold, and the states and scores of `again`."""

    def receive(self, records: Iterable[Record]) -> None:
        """Applies records in the order given, until it is full."""

    @property
    def full(self) -> bool:
        """Whether it takes no more records before the next flush."""

    def advance(self, now: int) -> None:
        """Decides what time alone changes up to a moment."""

    def flush(self) -> Changes:
        """All that was decided since the last flush; the states are in the store already."""

    def settle(self) -> list[tuple[bytes, bytes | None]]:
        """The outbox is acknowledged: the states without it."""

    def next_wake(self) -> int | None:
        """The next moment at which time alone may change something."""

    def forget(self, committed: dict[str, int]) -> None:
        """Deletes what time has emptied, if all that is in it is committed: by topic, up to which offset."""

    def regrid(self, plan: Plan) -> Changes:
        """Goes on with another grid."""


class MakeShard(Protocol):
    """Makes the shard of a partition number."""

    def __call__(
        self,
        plan: Plan,
        store: MutableMapping[bytes, bytes],
        partition: int,
        partitions: int,
        remembered_ids: int,
        forget_after: int | None,
    ) -> Shard:
        """A shard on a store, before its `recover`."""
