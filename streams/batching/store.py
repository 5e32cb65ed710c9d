"""Keeps the leads' states as bytes, each partition's apart, recovered from whole batches of the changelog.

It knows up to where in the changelog it holds everything, so that partitions which stay here in a rebalance,
or of which it kept a copy, are not read again from their start.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, Final

from aiokafka.errors import IllegalStateError
from faust import stores
from faust.stores.base import Store
from faust.types import TP

from scorer.cycle import newest_generation
from scorer.lead import supersedes, written_in
from scorer.residents import names_a_lead
from streams.batching.scheduler import Batch
from streams.errors import StoreError, StreamError, trace_of

_log = logging.getLogger(__name__)

URL: Final = "leadheat://memory"  # a URL without a host is silently ignored
TAIL_KEY: Final = b"\xff"
"""Key of a record that follows deletions: no lead's, which are UTF-8. Recovery waits for ever where
compaction has removed the changelog's last record, so a deletion must never be that."""
REVISION: Final = "revision"
"""Header of a deletion that takes nothing which came after what it deletes."""

_ASK_WITHIN_S: Final = 30.0


class PartitionStore(Store):  # type: ignore[misc]
    """The table's storage: in `partitions`, by partition number, the states of its keys.

    It holds what this worker owns (`active`), and copies of what others own, to take over at once.
    """

    def __post_init__(self) -> None:
        self.partitions: dict[int, MutableMapping[bytes, bytes]] = {}
        self.active: set[int] = set()
        self.ends: dict[int, int] = {}
        """By partition number, up to which offset the changelog is held: as read, and as written since."""
        self.recovered = 0  # changelog records applied, which shows that recovery moves
        self._assigned: set[int] = set()
        self._overtaken: dict[int, set[bytes]] = {}
        self._newest: dict[int, bytes] = {}  # generation that wrote to a partition, as far as read
        self._rebalances = 0
        self._going_back: dict[TP, asyncio.Future[None]] = {}
        self._crashing: asyncio.Future[None] | None = None

    # What comes of the changelog

    def apply_changelog_batch(self, batch: Iterable[Any], to_key: Any, to_value: Any) -> None:
        """Applies fetched batches of the changelog, in order."""
        try:
            for event in batch:
                if event.message.partition in self._assigned:  # else it left while its batch waited
                    self._take(event.message.value)
        except Exception as error:  # Faust would log it and wait for ever for what it does not read again
            self._crash(error)
            raise

    def _take(self, batch: Batch) -> None:
        """Applies a batch that continues what is held.

        Faust empties its queue when it lets the flow go on, and then goes on behind what was in it.
        """
        partition = batch.partition
        self._open(partition)
        held = self.ends.get(partition, 0)
        if batch.follows > held:
            self._read_again(TP(batch.topic, partition), held)
        elif batch.offset >= held:
            self._apply(partition, batch.records)

    def _read_again(self, tp: TP, held: int) -> None:
        """Goes back to where what is held ends, if that is not under way."""
        recovery = self.app.tables.recovery
        for offsets in (recovery.active_offsets, recovery.standby_offsets):
            if tp in offsets:
                offsets[tp] = held - 1
        under_way = self._going_back.get(tp)
        if under_way is None or under_way.done():
            _log.info("%s-%d is read again from offset %d on", tp.topic, tp.partition, held)
            self._going_back[tp] = asyncio.ensure_future(self._go_back(tp, held))

    async def _go_back(self, tp: TP, held: int) -> None:
        with contextlib.suppress(IllegalStateError):  # it has left meanwhile
            await self.app.consumer.seek_wait({tp: held})

    def _apply(self, partition: int, records: list[Any]) -> None:
        states = self._open(partition)
        overtaken = self._overtaken.setdefault(partition, set())
        newest = self._newest.get(partition) or newest_generation(states)
        for record in records:
            key, state = record.key, record.value
            told = _revision_of(record) if state is None else state
            if (held := states.get(key)) is not None and not supersedes(told, held):
                overtaken.add(key)
            elif state is None:
                states.pop(key, None)
            elif key != TAIL_KEY:
                states[key] = state
                wrote = written_in(state)
                if wrote >= newest:
                    newest = wrote
                    if overtaken:
                        overtaken.discard(key)
                elif wrote and names_a_lead(key):
                    overtaken.add(key)  # right, but its scores may be owed: others went on without it
        self._newest[partition] = newest
        self.ends[partition] = records[-1].offset + 1
        self.recovered += len(records)

    def take_overtaken(self) -> dict[int, set[bytes]]:
        """Keys of active partitions, to be written again; asked once.

        Their last state in the changelog came of a worker that had lost them: it may not be the right one.
        """
        return {partition: self._overtaken.pop(partition, set()) for partition in self.active}

    # What the worker writes

    def persist(self) -> None:
        """All that is in the states of active partitions is acknowledged."""

    def discard(self, partitions: Iterable[int]) -> None:
        """What is in their states may not be in the changelog: they are read again when next recovered."""
        for partition in partitions:
            self.partitions[partition].clear()
            self._forget(partition)

    # Whose partitions are whose

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Drops the states of partitions that went to somebody else and of which we keep no copy, and those
        that can't be gone on from."""
        self._rebalances += 1
        try:
            self._assigned = {tp.partition for tp in assigned}
            self._keep(self._assigned)
            changelog = self.table.changelog_topic_name
            await self._check([tp for tp in assigned if tp.topic == changelog])
        except Exception as error:
            self._crash(error)
            raise

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        """Those of `active_tps` are to be gone on from, if their states are complete, as Kafka tells now.

        Faust says so too early, or too late, where another rebalance comes at the wrong moment: of partitions
        that it has only begun to read, or that are somebody else's by now. What went on from such states
        would write older ones over newer ones.
        """
        rebalance = self._rebalances
        self.active = set()
        try:
            lacking = await self._lacking(active_tps)
            begun_anew = self._begun_anew() or rebalance != self._rebalances
            if lacking and not begun_anew:
                raise StoreError(f"recovery ended before its changelog did: {', '.join(lacking)}")
        except Exception as error:
            self._crash(error)
            raise
        if begun_anew:
            _log.info("another rebalance came before the states were taken up: it recovers them")
            return
        self.active = {tp.partition for tp in active_tps}
        for partition in self.active:
            self._open(partition)

    async def _lacking(self, tps: set[TP]) -> list[str]:
        """Partitions of which the changelog has more than is held, in words."""
        if not tps:
            return []
        starts, ends = await self._bounds(tps)
        held = {tp: self.ends.get(tp.partition, starts[tp]) for tp in tps}
        return [
            f"{tp.topic}-{tp.partition} is held up to {held[tp]}, and ends at {ends[tp]}"
            for tp in sorted(tps)
            if held[tp] < ends[tp]
        ]

    def _begun_anew(self) -> bool:
        """Whether another recovery has begun, is about to, or will come of a rebalance under way."""
        app, recovery = self.app, self.app.tables.recovery
        of_now = recovery._generation_id == app.consumer_generation_id
        return bool(recovery.in_recovery or recovery.signal_recovery_start.is_set() or not of_now)

    async def _check(self, tps: list[TP]) -> None:
        """Starts those over whose states are not of the changelog as it is now."""
        for tp in tps:
            self._open(tp.partition)
        known = [tp for tp in tps if tp.partition in self.ends]
        if not known:
            return
        starts, ends = await self._bounds(known)
        for tp in known:
            held = self.ends[tp.partition]
            if held > ends[tp]:
                self._start_over(tp.partition, f"it holds {held} records and its changelog only {ends[tp]}")
            elif held < starts[tp]:
                self._start_over(tp.partition, "its changelog no longer holds what it lacks")

    async def _bounds(self, tps: Iterable[TP]) -> tuple[Mapping[TP, int], Mapping[TP, int]]:
        """Where changelogs begin and end, as Kafka tells now."""
        async with asyncio.timeout(_ASK_WITHIN_S):
            starts = await self.app.consumer.earliest_offsets(*tps)
            return starts, await self.app.consumer.highwaters(*tps)

    def _open(self, partition: int) -> MutableMapping[bytes, bytes]:
        states = self.partitions.get(partition)
        if states is None:
            self._forget(partition)
            states = self.partitions[partition] = {}
        return states

    def _keep(self, ours: set[int]) -> None:
        for partition in self.partitions.keys() - ours:  # the same dict: the agent holds it too
            del self.partitions[partition]
            self._forget(partition)

    def _start_over(self, partition: int, reason: str) -> None:
        _log.warning("partition %d is recovered from the changelog's start: %s", partition, reason)
        self.partitions[partition].clear()
        self._forget(partition)

    def _forget(self, partition: int) -> None:
        self.ends.pop(partition, None)
        self._overtaken.pop(partition, None)
        self._newest.pop(partition, None)

    def _crash(self, error: Exception) -> None:
        if not isinstance(error, StreamError):
            error = StoreError(f"the states can't be recovered: {trace_of(error)}")
        if self._crashing is None:
            self._crashing = asyncio.ensure_future(self.app.crash(error))

    # What Faust asks

    def persisted_offset(self, tp: TP) -> int:
        """The last record that is held, from which reading goes on; -1: all is to be read.

        None would make Faust go on from where it last was, whatever became of what it read.
        """
        return self.ends.get(tp.partition, 0) - 1 if tp.partition in self.partitions else -1

    def reset_state(self) -> None:
        """Faust's command line only."""

    async def backup_partition(self, tp: Any, flush: bool = True, purge: bool = False, keep: int = 1) -> None:
        """Nothing to back up: the changelog is the copy."""

    def restore_backup(self, tp: Any, latest: bool = True, backup_id: int = 0) -> None:
        """Nothing to restore from but the changelog."""


def _revision_of(deletion: Any) -> bytes:
    """What a deletion says of its revision; nothing, which supersedes all, where it says none."""
    return next((value for name, value in deletion.headers if name == REVISION), b"")


stores.STORES.aliases["leadheat"] = f"{__name__}:{PartitionStore.__name__}"
