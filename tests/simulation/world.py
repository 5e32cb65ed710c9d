"""Workers of one group under faults drawn by chance, until all is quiet again."""

import asyncio
import random
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from faust.types import TP

from scorer.event import decode
from scorer.partitioner import partition_of
from scorer.plan import Plan
from scorer.shard import Shard
from scorer.topics import HANDOVER, IN_TOPICS, full_name, topic_of
from streams.batching.producer import Outgoing
from streams.config import changelog_name
from streams.errors import StreamError
from streams.shards import MakeShard
from tests.simulation.broker import PREFIX, Broker
from tests.simulation.client import Fault, Killed
from tests.simulation.worker import Worker

KINDS = ("cut", "cut", "lost", "refused", "again", "frozen")
_MOST_TRIPS = 8  # to the broker in a cycle, about
_MOST_ROUNDS = 400


@dataclass
class Faults:
    """How many of what may happen."""

    kinds: tuple[str, ...] = KINDS
    strikes: int = 0
    rebalances: int = 0
    compactions: int = 0


@dataclass
class Published:
    """An event as a producer sends it; `partition` None: its key's; `topic` None: its type's."""

    value: bytes
    timestamp: int
    partition: int | None = None
    topic: str | None = None
    key: bytes | None = None


@dataclass
class _Stopped:
    worker: Worker
    cycle: "asyncio.Task[None]"
    actions: int


@dataclass
class World:
    """A broker, its group of workers, and a fate."""

    plan: Plan
    chance: random.Random
    partitions: int = 3
    faults: Faults = field(default_factory=Faults)
    make_shard: MakeShard = Shard
    remembered_ids: int = 64
    forget_after: int | None = None
    folder: Path | None = None
    """Where each worker has a folder of its states; None: they are in memory."""
    now: int = 0

    def __post_init__(self) -> None:
        self.broker = Broker(self.partitions)
        self.workers: list[Worker] = []
        self.deaths: list[str] = []
        self._stopped: list[_Stopped] = []
        self._folders = count()
        self._left: list[Path] = []  # by workers that are no more

    # What comes in

    def publish(self, event: Published) -> None:
        """Puts an event on its topic; the clock is never behind what has arrived."""
        self.now = max(self.now, event.timestamp)
        key, topic = event.key, event.topic
        if key is None or topic is None:
            told = decode(event.value)
            key = told.key.encode() if key is None else key
            topic = topic_of(told.type) if topic is None else topic
        where = partition_of(key, self.partitions) if event.partition is None else event.partition
        tp = TP(full_name(PREFIX, topic), where)
        self.broker.append(tp, Outgoing(key, event.value, event.timestamp // 1_000))

    # What happens

    async def act(self) -> None:
        """Something happens somewhere."""
        await self._look_after()
        worker = self.chance.choice(self.workers)
        for one in self.workers:
            one.let_time_pass(0.1)
        roll = self.chance.random()
        if roll < 0.35:
            await worker.fetch(self.chance.randint(1, 6))
        elif roll < 0.55:
            await worker.take_in()
        elif roll < 0.8:
            await self._cycle(worker)
        elif roll < 0.9:
            worker.commit()
        elif roll < 0.95 or self.faults.rebalances > 10:
            await self._maybe_rebalance()
        elif self.faults.compactions:
            self.faults.compactions -= 1
            self.broker.compact(changelog_name(PREFIX))

    async def drain(self) -> None:
        """Goes on until all is read, written and committed."""
        for _ in range(_MOST_ROUNDS):
            for stopped in list(self._stopped):
                await self._thaw(stopped)
            await self._look_after()
            generation = self.broker.generation
            for worker in list(self.workers):
                if worker not in self.workers:
                    continue  # one before it has set off a rebalance
                worker.let_time_pass(0.1)
                await worker.fetch_all()
                await worker.take_in()
                await self._cycle(worker)
                worker.commit()
            if self._quiet() and generation == self.broker.generation:  # what recovery owes is paid, too
                return
        waiting = {tp: self.broker.end(tp) - self.broker.committed.get(tp, 0) for tp in self._sources()}
        died = self.deaths[-3:]
        raise AssertionError(f"never quiet: { ({tp: n for tp, n in waiting.items() if n}) }, died of {died}")

    async def pass_time(self, until: int) -> None:
        """Lets the clock go on while nothing more comes."""
        self.now = max(self.now, until)
        for _ in range(_MOST_ROUNDS):
            await self.drain()
            for worker in self.workers:
                worker.let_time_pass(1.0)
            if all((worker.next_wake() or until + 1) > until for worker in self.workers) and self._quiet():
                return
        raise AssertionError("time goes on and on")

    async def restart(self) -> None:
        """Every worker ends in order, and another program starts."""
        for worker in self.workers:
            await worker.revoke()
            self._leave(worker)
        self.workers = []
        self._start_workers()
        await self._rebalance()

    def _quiet(self) -> bool:
        return not self._stopped and all(
            self.broker.committed.get(tp, 0) >= self.broker.end(tp) for tp in self._sources()
        )

    def _sources(self) -> list[TP]:
        topics = [full_name(PREFIX, short) for short in (*IN_TOPICS, HANDOVER)]
        return [TP(topic, number) for topic in topics for number in range(self.partitions)]

    # Faults

    async def _cycle(self, worker: Worker) -> None:
        """A cycle, in which a fault may strike."""
        if worker not in self.workers:
            return
        worker.pace.records = self.chance.choice((1, 4, 16, 256))
        if self.faults.strikes and worker.producer.fault is None and self.chance.random() < 0.4:
            self.faults.strikes -= 1
            kind = self.chance.choice(self.faults.kinds)
            worker.producer.fault = Fault(kind, self.chance.randrange(_MOST_TRIPS))
        cycle = worker.start_cycle()
        while not (cycle.done() or worker.producer.stopped):
            await asyncio.sleep(0)
            if self.chance.random() < 0.1:
                worker.commit()  # Faust's comes at any time
        if not cycle.done():
            self._stopped.append(_Stopped(worker, cycle, self.chance.randint(1, 25)))
            await self._lost(worker)
        elif (error := cycle.exception()) is not None:
            await self._died(worker, error)

    async def _look_after(self) -> None:
        if not self.workers:
            self._start_workers()
            await self._rebalance()
        for stopped in list(self._stopped):
            stopped.actions -= 1
            if stopped.actions <= 0:
                await self._thaw(stopped)

    async def _thaw(self, stopped: _Stopped) -> None:
        """A process that was stopped goes on, long after others took over: it must end by itself."""
        self._stopped.remove(stopped)
        stopped.worker.thaw()
        await _pause(stopped.cycle)
        error = stopped.cycle.exception() if stopped.cycle.done() else None
        try:
            stopped.worker.commit()
            stopped.worker.let_time_pass(0.1)  # the group answers a heartbeat
        except StreamError as fenced:
            error = error or fenced
        stopped.worker.producer.dead = True
        self._leave(stopped.worker)
        if error is not None:
            self._note(error)

    async def _died(self, worker: Worker, error: BaseException) -> None:
        worker.producer.dead = True
        self._note(error)
        self._leave(worker)
        await self._lost(worker)

    def _leave(self, worker: Worker) -> None:
        """Another may find its folder."""
        if worker.folder is not None:
            worker.close()
            self._left.append(worker.folder)

    def _note(self, error: BaseException) -> None:
        self.deaths.append(repr(error))
        if not isinstance(error, StreamError | Killed):
            raise error

    async def _lost(self, worker: Worker) -> None:
        """The group goes on without one: the others, or another in its place."""
        self.workers.remove(worker)
        if not self.workers or self.chance.random() < 0.7:
            self._start_workers()
        await self._rebalance()

    async def _maybe_rebalance(self) -> None:
        if not self.faults.rebalances:
            return
        self.faults.rebalances -= 1
        if len(self.workers) > 1 and self.chance.random() < 0.5:
            leaves = self.chance.choice(self.workers)  # SIGTERM
            await leaves.revoke()
            self._leave(leaves)
            self.workers.remove(leaves)
        else:
            self._start_workers()
        await self._rebalance()

    def _start_workers(self) -> None:
        folder = None if self.folder is None else self.folder / str(next(self._folders))
        if self._left and self.chance.random() < 0.8:
            folder = self._left.pop(0)
        self.workers.append(
            Worker(
                self.broker,
                self.plan,
                self.make_shard,
                lambda: self.now,
                self.chance,
                self.remembered_ids,
                self.forget_after,
                folder,
            )
        )

    async def _rebalance(self) -> None:
        """All stop, give back what they have, and get what is theirs from now on."""
        under_way: list[tuple[Worker, asyncio.Task[None]]] = []
        for worker in self.workers:
            worker.producer.fault = None
            if self.chance.random() < 0.3:
                under_way.append((worker, worker.start_cycle()))
                for _ in range(self.chance.randrange(20)):
                    await asyncio.sleep(0)
            await worker.revoke()
        self.broker.generation += 1
        owners = [self.chance.choice(self.workers) for _ in range(self.partitions)]
        for worker in self.workers:
            await worker.assign([number for number, owner in enumerate(owners) if owner is worker])
        for worker, cycle in under_way:
            await asyncio.wait({cycle})
            if (error := cycle.exception()) is not None and worker in self.workers:
                await self._died(worker, error)


async def _pause(task: "asyncio.Task[None]") -> None:
    """Lets a task go on as far as it can by itself."""
    for _ in range(100):
        if task.done():
            return
        await asyncio.sleep(0)
