"""A consumer group's member over topics of one key: rows are restored before the first record is taken."""

import asyncio
import heapq
import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any, Final, Protocol

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from connectors.durable.erasures import Erasures
from connectors.durable.errors import NotOursError
from connectors.durable.table import Table
from connectors.hang_up import hang_up
from scorer.brokers import connection

_FETCH_MS: Final = 200
_MOST_RECORDS: Final = 500
_STOP_WITHIN_S: Final = 5.0
_METADATA_MS: Final = 5_000
"""How old may be what we know of partitions: a broker that has just come back may tell of none."""

_log: Final = logging.getLogger(__name__)


class Work(Protocol):
    """What a role does; a partition's number stands for that partition of all its topics.

    Any of it may raise NotOursError: the partition has gone to somebody else, who takes the records again.
    """

    async def gained(self, partition: int) -> None:
        """The partition is ours, its rows are restored, none of its records was taken yet."""

    def lost(self, partitions: Sequence[int]) -> None:
        """They are somebody else's, or may be: nothing of theirs may be done any more."""

    async def take(self, partition: int, records: Sequence[Any]) -> None:
        """Records in order of time; on return they are dealt with, or what is left to do stands in rows."""

    async def go_on(self) -> None:
        """What is due: asked again and again, at least five times a second."""

    def lead_of(self, key: str, row: bytes) -> str:
        """Whose row it is: an erased lead's goes."""

    def forgot(self, partition: int, keys: Sequence[str]) -> None:
        """Rows that have gone, since their leads were erased."""


class Member:
    """Reads until told to stop. What it raises is for the process to end with: a restart is the cure."""

    def __init__(
        self,
        kafka: str,
        group: str,
        topics: Sequence[str],
        table: Table,
        erasures: Erasures,
        session_timeout_s: float,
    ) -> None:
        session_ms = int(session_timeout_s * 1_000)
        self._topics = topics
        self._table = table
        self._erasures = erasures
        self._told = erasures.told
        self._gained: set[int] = set()
        self._current: set[int] = set()
        self._consumer = AIOKafkaConsumer(
            **connection(kafka),
            client_id=group,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=session_ms // 3,
            metadata_max_age_ms=_METADATA_MS,
            partition_assignment_strategy=[RangePartitionAssignor],  # the same numbers of all topics
        )

    @property
    def current(self) -> frozenset[int]:
        """Partitions of which all has been taken that was there when they were gained: for a role that must
        not act on the past of one topic before it has heard of what the others said since."""
        return frozenset(self._current)

    async def run(self, work: Work, stop: asyncio.Event) -> None:
        """Takes records and does what is due, until `stop`."""
        consumer = self._consumer
        consumer.subscribe(list(self._topics), listener=_Listener(self, work))
        try:
            await consumer.start()
            while not stop.is_set():
                await self._restore(work)
                fetched = await consumer.getmany(timeout_ms=_FETCH_MS, max_records=_MOST_RECORDS)
                await self._take(work, fetched)
                await self._catch_up()
                try:
                    if self._told != self._erasures.told:
                        await self._forget_all(work)
                    await work.go_on()
                except NotOursError as error:
                    _log.info("%s", error)
        finally:
            await hang_up(consumer.stop(), _STOP_WITHIN_S)

    async def committed(self, topic: str, partition: int) -> int:
        """Up to where the group has dealt with a partition of a topic."""
        return int(await self._consumer.committed(TopicPartition(topic, partition)) or 0)

    def gain(self, places: Iterable[TopicPartition]) -> None:
        """Partitions are ours: nothing is read of them before their rows are restored."""
        places = list(places)
        self._gained |= {place.partition for place in places}
        self._current -= self._gained
        self._consumer.pause(*places)

    def lose(self, places: Iterable[TopicPartition]) -> list[int]:
        """Partitions are not ours any more; their numbers."""
        numbers = sorted({place.partition for place in places})
        self._gained.difference_update(numbers)
        self._current.difference_update(numbers)
        self._table.disown(numbers)
        return numbers

    async def _restore(self, work: Work) -> None:
        for partition in sorted(self._gained):
            await self._table.own(partition)
            if partition in self._gained:
                self._gained.discard(partition)
                await self._forget(work, partition)
                await work.gained(partition)
            else:
                self._table.disown([partition])
        self._consumer.resume(*(one for one in self._consumer.paused() if one.partition not in self._gained))

    async def _forget_all(self, work: Work) -> None:
        """Looks through all rows: heartbeats must not wait for all of them at once."""
        told = self._erasures.told
        for partition in sorted(self._table.partitions):
            if partition in self._table.partitions:  # still
                await self._forget(work, partition)
            await asyncio.sleep(0)
        self._told = told

    async def _forget(self, work: Work, partition: int) -> None:
        """Gives up the rows of leads that were erased."""
        rows = self._table.rows(partition)
        gone = [key for key, row in rows.items() if self._erasures.gone(work.lead_of(key, row))]
        if gone:
            await self._table.put(partition, dict.fromkeys(gone))
            work.forgot(partition, gone)

    async def _take(self, work: Work, fetched: dict[TopicPartition, list[Any]]) -> None:
        together = defaultdict(list)
        for place, records in fetched.items():
            if place.partition in self._table.partitions:
                together[place.partition].append(records)
            elif place in self._consumer.assignment():
                self._consumer.seek(place, records[0].offset)  # ours anew, its rows not yet restored
        for partition, lists in together.items():
            try:
                await work.take(partition, list(heapq.merge(*lists, key=attrgetter("timestamp"))))
            except NotOursError as error:
                _log.info("%s", error)
        owned = self._table.partitions
        await self._commit(
            {
                place: records[-1].offset + 1
                for place, records in fetched.items()
                if place.partition in together and place.partition in owned
            }
        )

    async def _catch_up(self) -> None:
        """Finds out which partitions have been read up to their ends, as the answers to fetches tell them."""
        waiting = self._table.partitions - self._current - self._gained
        behind = set()
        for place in self._consumer.assignment() if waiting else ():
            if place.partition in waiting and place.partition not in behind:
                end = self._consumer.highwater(place)
                if end is None or await self._consumer.position(place) < end:
                    behind.add(place.partition)
        self._current |= waiting - behind

    async def _commit(self, offsets: dict[TopicPartition, int]) -> None:
        if not offsets:
            return
        try:
            await self._consumer.commit(offsets)
        except (CommitFailedError, IllegalStateError):
            _log.info("partitions have moved: what was not committed is taken once more")
        except KafkaError as error:
            _log.warning("offsets are not committed yet: %s", type(error).__name__)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    def __init__(self, member: Member, work: Work) -> None:
        self._member = member
        self._work = work

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self._work.lost(self._member.lose(revoked))

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._member.gain(assigned)
