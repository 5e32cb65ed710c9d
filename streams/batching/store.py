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
    """The table's storage: in `partitions`, by partition number, the states of its keys."""

    def __post_init__(self) -> None:
        self.partitions: dict[int, dict[bytes, bytes]] = {}
        self.ends: dict[int, int] = {}  # by partition number, the offset after the last record read
        self.overtaken: dict[int, set[bytes]] = {}
        """Keys whose last state in the changelog is not the right one, but of a worker that had lost them."""
        self.recovered = 0  # changelog records applied, which shows that recovery moves

    def apply_changelog_batch(self, batch: Iterable[Any], to_key: Any, to_value: Any) -> None:
        """Applies fetched batches of the changelog, in order."""
        for event in batch:
            records = event.message.value.records
            partition = event.message.partition
            states = self.partitions.setdefault(partition, {})
            overtaken = self.overtaken.setdefault(partition, set())
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
        """The keys that were overtaken, to be written again; asked once."""
        found, self.overtaken = self.overtaken, {}
        return found

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Drops the states of partitions that went to somebody else."""
        self._keep({tp.partition for tp in assigned})

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        """Drops what came of partitions that are not ours."""
        self._keep({tp.partition for tp in active_tps})
        for tp in active_tps:
            self.partitions.setdefault(tp.partition, {})

    def _keep(self, ours: set[int]) -> None:
        for partition in self.partitions.keys() - ours:  # the same dict: the agent holds it too
            del self.partitions[partition]
            self.ends.pop(partition, None)
            self.overtaken.pop(partition, None)

    def persisted_offset(self, tp: TP) -> int | None:
        """None: nothing outlives the process, all is read again from the changelog."""
        return None

    def reset_state(self) -> None:
        """Nothing is kept on disk."""

    async def backup_partition(self, tp: Any, flush: bool = True, purge: bool = False, keep: int = 1) -> None:
        """Nothing to back up: the changelog is the copy."""

    def restore_backup(self, tp: Any, latest: bool = True, backup_id: int = 0) -> None:
        """Nothing to restore from but the changelog."""


stores.STORES.aliases["leadheat"] = f"{__name__}:{PartitionStore.__name__}"
