"""Writes what became of deliveries behind them: in order, as many at a time as have come up meanwhile."""

import asyncio
import logging
from typing import Final

from connectors.durable.errors import NotOursError
from connectors.durable.table import Row, Table
from connectors.hang_up import end

_log: Final = logging.getLogger(__name__)


class Ledger:
    """The changes of rows that Kafka has not acknowledged yet."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._noted: dict[int, dict[str, Row | None]] = {}
        self._written: dict[int, dict[str, Row | None]] = {}
        """Under way."""
        self._writers: dict[int, asyncio.Task[None]] = {}
        self._failure: BaseException | None = None

    def note(self, partition: int, key: str, row: Row | None) -> None:
        """A row changes: it is written soon."""
        self._noted.setdefault(partition, {})[key] = row
        writer = self._writers.get(partition)
        if writer is None or writer.done():
            self._writers[partition] = asyncio.create_task(self._write(partition))

    def row(self, partition: int, key: str) -> Row | None:
        """A row as it is, or soon will be."""
        for changes in (self._noted, self._written):
            if key in changes.get(partition, ()):
                return changes[partition][key]
        return self._table.rows(partition).get(key) if partition in self._table.partitions else None

    async def written(self, partition: int) -> None:
        """Returns once Kafka has all that was noted; raises what `check` does, NotOursError too."""
        while self._noted.get(partition) or self._written.get(partition):
            await asyncio.wait({self._writers[partition]})
            self.check()
        if partition not in self._table.partitions:
            raise NotOursError(f"{self._table.topic}/{partition} is not ours any more")

    def check(self) -> None:
        """Raises what kept rows from being written: what we know may be old then."""
        if self._failure is not None:
            raise self._failure

    def lose(self, partition: int) -> None:
        """The partition is somebody else's: what was noted is theirs to find out."""
        self._noted.pop(partition, None)

    async def close(self, within_s: float) -> None:
        """Waits for what is under way, but not for ever for a broker that is away."""
        if self._writers:
            await asyncio.wait(self._writers.values(), timeout=within_s)
            await end(*self._writers.values())

    async def _write(self, partition: int) -> None:
        while changes := self._noted.pop(partition, None):
            self._written[partition] = changes
            try:
                await self._table.put(partition, changes)
            except NotOursError as error:
                _log.info("%s", error)
            except Exception as error:  # told by `check`, where the member's loop looks
                self._failure = error
                return
            finally:
                del self._written[partition]
