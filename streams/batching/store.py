"""Keeps the leads' states as bytes, each partition's apart, recovered from whole batches of the changelog."""

from collections.abc import Iterable
from typing import Any, Final

from faust import stores
from faust.stores.base import Store
from faust.types import TP

from scorer.lead import supersedes

URL: Final = "leadheat://memory"  # a URL without a host is silently ignored
TAIL_KEY: Final = b"\xff"
"""Key of a record that follows deletions: no lead's, which are UTF-8. Recovery waits for ever where
compaction has removed the changelog's last record, so a deletion must never be that."""


class PartitionStore(Store):  # type: ignore[misc]
    """The table's storage: in `partitions`, by partition number, the states of its keys.

    It holds what this worker owns (`active`), and copies of what others own, to take over at once.
    """

    def __post_init__(self) -> None:
        self.partitions: dict[int, dict[bytes, bytes]] = {}
        self.active: set[int] = set()
        self.ends: dict[int, int] = {}
        """By partition number, up to which offset the changelog is held: as read, and as written since."""
        self.recovered = 0  # changelog records applied, which shows that recovery moves
        self._assigned: set[int] = set()
        self._overtaken: dict[int, set[bytes]] = {}

    def apply_changelog_batch(self, batch: Iterable[Any], to_key: Any, to_value: Any) -> None:
        """Applies fetched batches of the changelog, in order."""
        for event in batch:
            records = event.message.value.records
            partition = event.message.partition
            if partition not in self._assigned:
                continue  # it left while its batch waited, and would be held from the middle on
            states = self.partitions.setdefault(partition, {})
            overtaken = self._overtaken.setdefault(partition, set())
            for record in records:
                key, state = record.key, record.value
                if state is None:
                    states.pop(key, None)
                elif (held := states.get(key)) is not None and not supersedes(state, held):
                    overtaken.add(key)
                elif key != TAIL_KEY:
                    states[key] = state
                    if overtaken:
                        overtaken.discard(key)
            self.ends[partition] = records[-1].offset + 1
            self.recovered += len(records)

    def take_overtaken(self) -> dict[int, set[bytes]]:
        """Keys of active partitions, to be written again; asked once.

        Their last state in the changelog is not the right one, but of a worker that had lost them.
        """
        return {partition: self._overtaken.pop(partition, set()) for partition in self.active}

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Drops the states of partitions that went to somebody else and of which we keep no copy."""
        self._assigned = {tp.partition for tp in assigned}
        for partition in self.partitions.keys() - self._assigned:  # the same dict: the agent holds it too
            del self.partitions[partition]
            self.ends.pop(partition, None)
            self._overtaken.pop(partition, None)

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        """The states of `active_tps` are complete."""
        self.active = {tp.partition for tp in active_tps}
        for partition in self.active:
            self.partitions.setdefault(partition, {})

    def persisted_offset(self, tp: TP) -> int | None:
        """The last record that is held, from which reading goes on; None: all is to be read."""
        end = self.ends.get(tp.partition) if tp.partition in self.partitions else None
        return None if end is None else end - 1

    def reset_state(self) -> None:
        """Nothing is kept on disk."""

    async def backup_partition(self, tp: Any, flush: bool = True, purge: bool = False, keep: int = 1) -> None:
        """Nothing to back up: the changelog is the copy."""

    def restore_backup(self, tp: Any, latest: bool = True, backup_id: int = 0) -> None:
        """Nothing to restore from but the changelog."""


stores.STORES.aliases["leadheat"] = f"{__name__}:{PartitionStore.__name__}"
