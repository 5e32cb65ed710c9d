"""A worker of the simulation: the product's scoring, inbox, writer, fence and store, driven step by step."""

import asyncio
import math
import random
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

from aiokafka.errors import IllegalGenerationError
from faust.types import TP

from scorer.plan import Plan
from scorer.topics import HANDOVER, IN_TOPICS, full_name
from streams.batching.lease import Lease
from streams.batching.rocks_store import URL as ROCKS_URL
from streams.batching.rocks_store import RocksStore
from streams.batching.scheduler import Batch
from streams.batching.sole_writer import SoleWriter
from streams.batching.store import URL, PartitionStore
from streams.config import WorkerConfig
from streams.inbox import Inbox
from streams.pace import Pace, Waiting
from streams.scoring import Scoring
from streams.shards import MakeShard
from streams.timers import Timers
from streams.writing import Writer
from tests.simulation.broker import PREFIX, Broker
from tests.simulation.client import Consumer, Producer

TOPICS = {full_name(PREFIX, short): short for short in (*IN_TOPICS, HANDOVER)}
SESSION_S = 10.0
FROZEN_S = 60.0

_TOLD_TOO_EARLY = 50
"""Before each so manieth batch of a changelog; not drawn, so that what is drawn stays as it was."""
_LOST = 20
"""Each so manieth batch of a changelog, if others follow."""


class DrawnPace(Pace):
    """Cycles of a size that chance says, whatever they cost."""

    records = 256

    async def limit(self, inbox: Waiting) -> int:
        """That size."""
        return self.records


@dataclass
class _Delivered:
    """What Faust's stream gives the agent."""

    value: Batch
    message: Any


class _Stream:
    """As much of Faust's stream as the agent asks for."""

    def __init__(self, waiting: list[_Delivered]) -> None:
        self._waiting = waiting

    def noack(self) -> "_Stream":
        return self

    async def events(self) -> AsyncIterator[_Delivered]:
        while self._waiting:
            yield self._waiting.pop(0)


class _Changelogs:
    """The changelogs as the consumer reads them."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.positions: dict[TP, int] = {}

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        self.positions.update(partitions)

    def fetch(self, tp: TP, most: int) -> Batch | None:
        """What comes next."""
        position = self.positions[tp]
        records = [record for record in self._broker.changelog(tp) if record.offset >= position]
        if not records:
            return None
        batch = Batch(tp, records[:most])
        batch.follows, self.positions[tp] = position, batch.offset + 1
        return batch

    def loses(self, batch: Batch) -> bool:
        """Whether Faust drops a batch as it resumes the flow, before it goes on with others."""
        tp = TP(batch.topic, batch.partition)
        more = batch.offset + 1 < self._broker.end(tp)
        return more and hash((batch.partition, batch.first, batch.follows)) % _LOST == 0

    async def earliest_offsets(self, *tps: TP) -> dict[TP, int]:
        return dict.fromkeys(tps, 0)

    async def highwaters(self, *tps: TP) -> dict[TP, int]:
        return {tp: self._broker.end(tp) for tp in tps}


class Worker:
    """One process of the group."""

    def __init__(
        self,
        broker: Broker,
        plan: Plan,
        make_shard: MakeShard,
        clock: Callable[[], int],
        chance: random.Random,
        remembered_ids: int,
        forget_after: int | None,
        folder: Path | None,
    ) -> None:
        self._broker = broker
        self._chance = chance
        self._seconds = 0.0
        self._queue: list[_Delivered] = []  # delivered to Faust, not yet to the agent
        self.generation = 0
        self.partitions: list[int] = []
        self.config = WorkerConfig(
            "nowhere:9092",
            PREFIX,
            Path("none"),
            lambda: clock(),
            broker.partitions,
            remembered_ids,
            forget_after,
        )
        self.consumer = Consumer(broker)
        self.lease = Lease(SESSION_S, _raise, lambda: self._seconds)
        self.folder = folder
        self._recovery = SimpleNamespace(
            in_recovery=False,
            signal_recovery_start=SimpleNamespace(is_set=lambda: False),
            _generation_id=0,
            active_offsets={},
            standby_offsets={},
        )
        self._changelogs = _Changelogs(broker)
        app = SimpleNamespace(
            consumer=self._changelogs,
            consumer_generation_id=0,
            tables=SimpleNamespace(recovery=self._recovery),
        )
        table = SimpleNamespace(name="leads", changelog_topic_name=self.config.changelog)
        self.store = (
            PartitionStore(URL, app, table)
            if folder is None
            else RocksStore(ROCKS_URL, app, table, options={"folder": str(folder)})
        )
        self.sole_writer = SoleWriter(self.config.changelog, self.store.ends)
        self.producer = Producer(broker, chance, self.lease, self.sole_writer)
        self.inbox = Inbox(self.consumer, TOPICS, lambda: self._seconds)
        self.scoring = Scoring(
            self.config,
            plan,
            make_shard,
            self.store.partitions,
            self.inbox,
            Writer(lambda: self.producer, self.config),
            lambda event: event.message.generation_id == self.generation,
            self.consumer.done,
            broker.committed.get,
            self.store.persist,
            self.store.discard,
        )
        self.scoring._timers = Timers(self.config.clock, lambda: self._seconds)
        self.pace = self.scoring._pace = DrawnPace()

    @property
    def tps(self) -> list[TP]:
        """The partitions that it reads."""
        return [TP(topic, number) for number in self.partitions for topic in TOPICS]

    def let_time_pass(self, seconds: float) -> None:
        """The machine's clock goes on, and a heartbeat is answered."""
        self._seconds += seconds
        current = self.generation == self._broker.generation
        self.lease.heard(0 if current else IllegalGenerationError.errno, self._seconds)

    async def revoke(self) -> None:
        """Before a rebalance: the work ends and is committed."""
        await self.scoring.release()
        self.consumer.commit_some(self.generation)

    async def assign(self, partitions: list[int]) -> None:
        """After a rebalance: states are recovered, partitions sought to the committed offsets."""
        self.generation = self._broker.generation
        self.lease.heard(0, self._seconds)
        self.partitions = partitions
        changelogs = {TP(self.config.changelog, number) for number in partitions}
        await self.store.on_rebalance(changelogs, set(), changelogs)
        for tp in sorted(changelogs):
            await self._recover(tp, changelogs)
        await self.store.on_recovery_completed(changelogs, set())
        self.consumer.assign(self.tps, self._chance)
        for tp in self.tps:  # Faust resumes the partitions before it seeks them
            if self._chance.random() < 0.1:
                await self._fetch(tp)
        self.scoring.assign(self.store.active, self.store.take_overtaken(), self.generation)
        self.consumer.sought()

    async def _recover(self, tp: TP, changelogs: set[TP]) -> None:
        await self._changelogs.seek_wait({tp: self.store.ends.get(tp.partition, 0)})
        lost: set[int] = set()
        while (batch := self._changelogs.fetch(tp, self._chance.randint(1, 50))) is not None:
            if batch.first not in lost and self._changelogs.loses(batch):
                lost.add(batch.first)
                continue
            if hash((tp.partition, batch.first)) % _TOLD_TOO_EARLY == 0:
                await self._told_too_early(changelogs)
            event = SimpleNamespace(message=SimpleNamespace(value=batch, partition=tp.partition))
            self.store.apply_changelog_batch([event], None, None)
            await asyncio.sleep(0)  # it may go back

    async def _told_too_early(self, changelogs: set[TP]) -> None:
        """Faust tells of partitions that it has yet to read, since a rebalance came; a cycle follows."""
        self._recovery.in_recovery = True
        await self.store.on_recovery_completed(changelogs, set())
        self.scoring.assign(self.store.active, self.store.take_overtaken(), self.generation)
        if self.store.active:  # never: but for a mutant nothing comes of it, nor is drawn
            await self._cycle()
        await self.scoring.release()
        self._recovery.in_recovery = False

    async def fetch(self, most: int) -> None:
        """One fetch, of some partitions."""
        for tp in self.tps:
            if self._chance.random() < 0.3:
                await self._fetch(tp, most)

    async def fetch_all(self) -> None:
        """A fetch of each partition."""
        for tp in self.tps:
            await self._fetch(tp, 100)

    async def _fetch(self, tp: TP, most: int = 100) -> None:
        if self.inbox.enough(tp):
            return
        batch = await self.consumer.fetch(tp, most)
        if batch is not None:
            self._queue.append(_Delivered(batch, SimpleNamespace(generation_id=self.generation)))

    async def take_in(self) -> None:
        """The agent is given what Faust delivered."""
        await self.scoring.intake(_Stream(self._queue))

    def start_cycle(self) -> "asyncio.Task[None]":
        """One cycle of the agent."""
        return asyncio.create_task(self._cycle())

    async def _cycle(self) -> None:
        self.scoring._forgot = -math.inf  # by its clock, which is not the simulation's, it may at any time
        async with self.scoring._cycle:
            await self.scoring._one_cycle()

    def commit(self) -> None:
        """Faust's commit, which comes at any time."""
        self.consumer.commit_some(self.generation)

    def thaw(self) -> None:
        """Goes on after it was stopped for longer than its session."""
        self._seconds += FROZEN_S
        self.producer.thaw()

    def close(self) -> None:
        """Lets go of its folder, when it is no more: what was not persisted is not there."""
        self.store._keep(set())

    def next_wake(self) -> int | None:
        """The next moment at which time alone may change one of its leads."""
        wakes = [wake for shard in self.scoring._shards.values() if (wake := shard.next_wake()) is not None]
        return min(wakes, default=None)


def _raise(error: Exception) -> NoReturn:
    raise error
