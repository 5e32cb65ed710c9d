"""Keeps the leads' states on disk, for more than memory holds: a RocksDB for each partition.

The changelog stays the truth, and the folder is a copy that may be deleted at any time: recovery reads what
it lacks. One folder, one worker.
"""

import fcntl
import logging
import os
import shutil
import time
from collections.abc import Iterable, MutableMapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from faust import stores
from faust.types import TP

from streams.batching.rocks_table import RocksTable, shared_cache
from streams.batching.store import PartitionStore
from streams.errors import StartError, StoreError

_log = logging.getLogger(__name__)

URL: Final = "leadheat-rocksdb://folder"
_CACHE_BYTES: Final = 128 << 20
_STALE_AFTER_S: Final = 43_200.0
"""Half of the day for which the changelog keeps a deletion: later one may be gone unread."""
_CLOCKS_DIFFER_S: Final = 3_600.0


class RocksStore(PartitionStore):
    """The same, with tables on disk; the table's option `folder` says where."""

    partitions: dict[int, MutableMapping[bytes, bytes]]

    @cached_property
    def _folder(self) -> Path:
        folder: str = self.options["folder"]
        return Path(folder, self.table.changelog_topic_name)

    @cached_property
    def _cache(self) -> Any:
        return shared_cache(_CACHE_BYTES)

    def _tables(self) -> dict[int, RocksTable]:
        return {number: table for number, table in self.partitions.items() if isinstance(table, RocksTable)}

    def _apply(self, partition: int, records: list[Any]) -> None:
        table = self._open(partition)
        super()._apply(partition, records)
        # What was overtaken must be found again by whoever goes on from the disk before it is written again.
        end = (table.end or 0) if self._overtaken[partition] else self.ends[partition]
        table.persist(end, read=records[-1].timestamp / 1000)

    def persist(self) -> None:
        """Puts on disk what the changelog has acknowledged."""
        for partition, table in self._tables().items():
            if partition in self.active:
                table.persist(self.ends.get(partition))

    def discard(self, partitions: Iterable[int]) -> None:
        """Goes back to what is on disk, which the changelog has acknowledged."""
        for partition in partitions:
            table = self._open(partition)
            table.discard()
            self._take_up(partition, table)

    async def _check(self, tps: list[TP]) -> None:
        new = {tp.partition for tp in tps} - self.partitions.keys()  # the others were followed all the time
        await super()._check(tps)
        now = time.time()
        for partition in new:
            idle = now - self._open(partition).as_of
            if partition in self.ends and not -_CLOCKS_DIFFER_S < idle < _STALE_AFTER_S:
                reason = f"it was up to date {idle / 3600:.0f} h ago, and a deletion may have gone since"
                self._start_over(partition, reason)

    def _open(self, partition: int) -> RocksTable:
        table = self.partitions.get(partition)
        if not isinstance(table, RocksTable):
            table = self.partitions[partition] = self._table(self._folder / str(partition))
            self._take_up(partition, table)
        return table

    def _table(self, folder: Path) -> RocksTable:
        try:
            table = RocksTable(folder, self._cache)
        except StoreError as error:
            if "Corruption" not in str(error):
                raise
            _log.warning("deleted, to be recovered from the changelog's start: %s", error)
            shutil.rmtree(folder)
            table = RocksTable(folder, self._cache)
        if table.end is None and any(True for _ in table):
            table.clear()  # of what changelog, up to where?
        return table

    def _take_up(self, partition: int, table: RocksTable) -> None:
        self._forget(partition)
        if table.end is not None:
            self.ends[partition] = table.end

    def _keep(self, ours: set[int]) -> None:
        for partition, table in self._tables().items():
            if partition not in ours:
                table.close()
        super()._keep(ours)


def claim(folder: Path) -> int:
    """Makes a folder this process's own for as long as it lives; StartError where it is another's."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StartError(f"the folder of the states, {folder}, can't be used: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise StartError(
            f"another worker keeps its states in {folder}: "
            "give each worker a folder of its own in LEADHEAT_STORE"
        ) from None
    return handle


stores.STORES.aliases["leadheat-rocksdb"] = f"{__name__}:{RocksStore.__name__}"
