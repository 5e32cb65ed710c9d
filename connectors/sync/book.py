"""The rows at hand: changed one at a time, and found again when they are due."""

import asyncio
import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from connectors.durable.errors import NotOursError
from connectors.sync.rows import CursorRow, LeadRow, Row, TaskRow, decode, encode, lead_key


class Rows(Protocol):
    """What is needed of a `durable.Table`."""

    @property
    def partitions(self) -> frozenset[int]: ...
    def rows(self, partition: int) -> Mapping[str, bytes]: ...
    async def put(self, partition: int, changes: Mapping[str, bytes | None]) -> None: ...


Step = Callable[[Row | None], Row | None]
"""What a row becomes; None: there is none."""
Place = tuple[int, str]
"""A row's partition and key."""


class Book:
    """The rows of our partitions, decoded when wanted."""

    def __init__(self, table: Rows) -> None:
        self._table = table
        self._locks: dict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._due: dict[str, list[tuple[int, int, str]]] = defaultdict(list)

    def gained(self, partition: int) -> None:
        """Takes up the rows of a partition that is ours from now on."""
        for key, data in self._table.rows(partition).items():
            self._note(partition, key, decode(data))

    def lost(self, partitions: Iterable[int]) -> None:
        """Gives up partitions."""
        gone = set(partitions)
        for heap in self._due.values():
            heap[:] = [entry for entry in heap if entry[1] not in gone]
            heapq.heapify(heap)

    def holds(self, partition: int) -> bool:
        """Whether a partition is ours."""
        return partition in self._table.partitions

    def get(self, place: Place) -> Row | None:
        """A row; None where there is none, or the partition is not ours."""
        partition, key = place
        if partition not in self._table.partitions:
            return None
        data = self._table.rows(partition).get(key)
        return None if data is None else decode(data)

    def rows(self, partition: int, prefix: str) -> Iterator[tuple[str, Row]]:
        """The rows of a partition whose keys begin so; NotOursError where it is somebody else's."""
        if partition not in self._table.partitions:
            raise NotOursError(f"partition {partition} is not ours")
        for key, data in list(self._table.rows(partition).items()):
            if key.startswith(prefix):
                yield key, decode(data)

    def leads(self, destination: str) -> Iterator[Row]:
        """The rows of a destination's leads, in all partitions that are ours."""
        for partition in self._table.partitions:
            for _, row in self.rows(partition, lead_key("", destination)):
                yield row

    async def change(self, partition: int, steps: Mapping[str, Step]) -> None:
        """Changes rows of a partition, each from what it is now: all of them, or NotOursError."""
        async with self._locks[partition]:
            if partition not in self._table.partitions:
                raise NotOursError(f"partition {partition} is not ours")
            held = self._table.rows(partition)
            made: dict[str, Row | None] = {}
            for key, step in steps.items():
                data = held.get(key)
                before = None if data is None else decode(data)
                after = step(before)
                if after is not None or before is not None:
                    made[key] = after
            await self._table.put(
                partition, {key: None if row is None else encode(row) for key, row in made.items()}
            )
        for key, row in made.items():
            if row is not None:
                self._note(partition, key, row)

    async def change_all(self, steps: Mapping[Place, Step]) -> None:
        """Changes rows of several partitions; those of partitions that went to somebody else are theirs."""
        by_partition: dict[int, dict[str, Step]] = defaultdict(dict)
        for (partition, key), step in steps.items():
            by_partition[partition][key] = step
        for partition, some in by_partition.items():
            try:
                await self.change(partition, some)
            except NotOursError:
                continue

    def take_due(self, destination: str, now: int, most: int) -> list[tuple[Place, LeadRow | TaskRow]]:
        """Rows that are due, the longest due first; they are due no more unless given back."""
        heap = self._due[destination]
        found: dict[Place, LeadRow | TaskRow] = {}
        while heap and heap[0][0] <= now and len(found) < most:
            due, partition, key = heapq.heappop(heap)
            row = self.get((partition, key))
            if isinstance(row, LeadRow | TaskRow) and row.due == due:
                found[partition, key] = row
        return list(found.items())

    def give_back(self, places: Sequence[Place]) -> None:
        """Rows that were taken as due: they are due again when they say so."""
        for place in places:
            if (row := self.get(place)) is not None:
                self._note(*place, row)

    def waiting(self, destination: str) -> int:
        """How many entries wait for their time."""
        return len(self._due[destination])

    def _note(self, partition: int, key: str, row: Row) -> None:
        if row.due is not None and not isinstance(row, CursorRow):
            heapq.heappush(self._due[row.destination], (row.due, partition, key))
