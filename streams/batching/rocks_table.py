"""The states of one partition on disk (RocksDB), together with how much of the changelog is in them.

What is put goes to memory, and to the disk only when `persist` says that the changelog has it: the folder is
never ahead of the changelog. States and offset are written at once or not at all, so that a kill or a lost
machine leaves them as they were after some earlier `persist`, from which recovery reads on.
"""

import shutil
import struct
import time
from collections.abc import Callable, ItemsView, Iterator, MutableMapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar

from rocksdict import BlockBasedOptions, Cache, DBRecoveryMode, Options, Rdict, WriteBatch, WriteOptions

from streams.errors import StoreError

_HELD_KEY: Final = b"\xff\xffheld"
"""Where it is kept how much is held: no key of the changelog, which begin with one such byte at most."""
_HELD: Final = struct.Struct(">Bqd")
_FORMAT: Final = 1
_KEEP_STAMP_S: Final = 60.0
_PART: Final = 4_096
_WRITE_BUFFER: Final = 8 << 20
_BLOOM_BITS: Final = 10

_T = TypeVar("_T")


def shared_cache(size: int) -> Any:
    """A cache of blocks for several tables."""
    return Cache(size)


class RocksTable(MutableMapping[bytes, bytes]):
    """A folder's states; raises StoreError where it can't be read or written."""

    def __init__(self, folder: Path, cache: Any, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._cache = cache
        self._clock = clock
        self._pending: dict[bytes, bytes | None] = {}
        self._last: tuple[bytes, bytes | None] = (_HELD_KEY, None)  # asked for last: whether, then what
        self._behind = False
        self._unlogged = False
        self._db = self._opened()
        self.end, self.as_of = self._held()
        """The offset after the last record of the changelog that is held, and when that was the end."""

    # The mapping

    def __getitem__(self, key: bytes) -> bytes:
        value = self._read(key)
        if value is None:
            raise KeyError(key)
        return value

    def get(self, key: bytes, default: Any = None) -> Any:
        """The state of a key."""
        value = self._read(key)
        return default if value is None else value

    def __contains__(self, key: object) -> bool:
        return isinstance(key, bytes) and self._read(key) is not None

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._pending[key] = value

    def __delitem__(self, key: bytes) -> None:
        if self._read(key) is None:
            raise KeyError(key)
        self._pending[key] = None

    def pop(self, key: bytes, default: Any = None) -> Any:
        """Deletes a key, without looking whether it is there."""
        self._pending[key] = None
        return default

    def __iter__(self) -> Iterator[bytes]:
        return (key for key, _ in self.rows())

    def __len__(self) -> int:
        return sum(1 for _ in self.rows())

    def items(self) -> ItemsView[bytes, bytes]:
        """All keys and states; what is put while they are read may be among them or not."""
        return _Items(self)

    def clear(self) -> None:
        """Empties it for good, folder and all."""
        self._pending.clear()
        self._forget_last()
        self._guarded(self._db.close)
        shutil.rmtree(self._folder, ignore_errors=True)
        self._db = self._opened()
        self.end, self.as_of, self._behind, self._unlogged = None, 0.0, False, False

    # The disk

    def persist(self, end: int | None, *, read: float | None = None) -> None:
        """The changelog has all that was put, and all of it up to `end` is here: now it is on disk too.

        `read`: it was read, more may be there, and the last of it was written at that time. Else nothing more
        was there, so that what is held is as of now; but not where `end` did not move though something was
        put. What is read is not logged twice: a kill then goes back to what was last flushed.
        """
        now, whole = self._clock(), read is None
        self._behind = end == self.end and (self._behind or bool(self._pending))
        if end is None or (not self._pending and end == self.end and now - self.as_of < _KEEP_STAMP_S):
            return
        batch = WriteBatch(raw_mode=True)
        for key, value in self._pending.items():
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        if not self.as_of or (whole and not self._behind):
            self.as_of = now
        elif read is not None:
            self.as_of = max(self.as_of, min(read, now))
        batch.put(_HELD_KEY, _HELD.pack(_FORMAT, end, self.as_of))
        self.end = end
        if whole and self._unlogged:
            self._guarded(self._db.flush)  # what is logged from here on must not be all that a kill leaves
        self._unlogged = not whole
        self._guarded(lambda: self._db.write(batch, self._logging(whole)))
        self._pending.clear()
        self._forget_last()

    def discard(self) -> None:
        """Forgets what was put since the last `persist`."""
        self._pending.clear()

    def close(self) -> None:
        """Lets go of the folder; what was not persisted is not."""
        self._pending.clear()
        self._forget_last()
        self._guarded(self._db.close)

    def _forget_last(self) -> None:
        self._last = (_HELD_KEY, None)

    def _read(self, key: bytes) -> bytes | None:
        if key in self._pending:
            return self._pending[key]
        if self._last[0] == key:
            return self._last[1]
        value: bytes | None = self._guarded(lambda: self._db.get(key))
        self._last = (key, value)
        return value

    def rows(self) -> Iterator[tuple[bytes, bytes]]:
        """All keys and states, read part by part: a cursor left open would keep the folder locked."""
        start: bytes | None = None
        while True:
            part = self._guarded(partial(self._part, start))
            for key, value in part:
                if key not in self._pending and key != _HELD_KEY:
                    yield key, value
            if len(part) < _PART:
                break
            start = part[-1][0] + b"\0"
        yield from [(key, value) for key, value in self._pending.items() if value is not None]

    def _part(self, start: bytes | None) -> list[tuple[bytes, bytes]]:
        return list(islice(self._db.items(from_key=start), _PART))

    def _logging(self, logged: bool) -> Any:
        options = WriteOptions()
        options.disable_wal = not logged
        return options

    def _held(self) -> tuple[int | None, float]:
        """What was persisted last; none where it is not known, or was written by another version."""
        told = self._guarded(lambda: self._db.get(_HELD_KEY))
        if told is None or len(told) != _HELD.size:
            return None, 0.0
        version, end, as_of = _HELD.unpack(told)
        return (end, as_of) if version == _FORMAT else (None, 0.0)

    def _opened(self) -> Any:
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._guarded(lambda: Rdict(str(self._folder), self._options()))

    def _options(self) -> Any:
        blocks = BlockBasedOptions()
        blocks.set_block_cache(self._cache)
        blocks.set_bloom_filter(_BLOOM_BITS, False)
        blocks.set_cache_index_and_filter_blocks(True)  # so that the cache bounds what is in memory
        blocks.set_pin_l0_filter_and_index_blocks_in_cache(True)
        options = Options(raw_mode=True)
        options.create_if_missing(True)
        options.set_block_based_table_factory(blocks)
        options.set_write_buffer_size(_WRITE_BUFFER)
        options.set_level_compaction_dynamic_level_bytes(True)
        options.set_max_open_files(256)
        options.set_keep_log_file_num(2)
        options.set_wal_recovery_mode(DBRecoveryMode.point_in_time())
        return options

    def _guarded(self, act: Callable[[], _T]) -> _T:
        try:
            return act()
        except Exception as error:
            raise StoreError(
                f"RocksDB at {self._folder}: {error} (a copy of the changelog: it may be deleted)"
            ) from error


class _Items(ItemsView[bytes, bytes]):
    """Reads each row once, not key by key."""

    _mapping: RocksTable

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        return self._mapping.rows()
