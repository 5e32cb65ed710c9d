"""The consumer and producer of a simulated worker: the product's own rules, on the broker in memory."""

import asyncio
import random
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from aiokafka.errors import MessageSizeTooLargeError, NotEnoughReplicasError
from faust.types import TP

from streams.batching.consumer import BatchConsumer
from streams.batching.lease import Lease
from streams.batching.producer import BatchProducer, Outgoing
from streams.batching.scheduler import Batch
from streams.batching.sole_writer import SoleWriter
from streams.errors import StalledError
from tests.simulation.broker import Broker

MAX_BATCH_BYTES = 4 << 20
"""What the broker takes; a client that sends more poisons its own buffer."""


class Killed(Exception):
    """The process is no more."""


@dataclass
class Fault:
    """What strikes a worker while it writes, at the round trip after so many others.

    `cut`: killed, of each batch a part was written. `lost`: killed, all was written. `refused`: by the
    broker, which may have written it. `again`: sent twice. `frozen`: stopped, written, and goes on when
    others have taken over. `late`: likewise, but what was sent of states is written only then.
    """

    kind: str
    after: int


class _Builder:
    """A record batch of a few records, so that a partition's are several."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.records: list[Outgoing] = []

    def append(self, *, timestamp: int | None, key: Any, value: Any, headers: list[Any]) -> object | None:
        if len(self.records) >= self._most:
            return None
        self.records.append(Outgoing(key, value, timestamp, tuple(headers)))
        return self

    def record_count(self) -> int:
        return len(self.records)


@dataclass
class _Sent:
    tp: TP
    records: list[Outgoing]
    answer: "asyncio.Future[None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Producer(BatchProducer):
    """Sends to all partitions at once what the product sends, under its lease and its watch for others."""

    def __init__(self, broker: Broker, chance: random.Random, lease: Lease, sole_writer: SoleWriter) -> None:
        self._broker = broker
        self._chance = chance
        self._lease = lease
        self._sole_writer = sole_writer
        self._sent: list[_Sent] = []
        self._unanswered: list[_Sent] = []
        self._late: list[_Sent] = []
        self.fault: Fault | None = None
        self.dead = False
        self.stopped = False

    def _ensure_producer(self) -> Any:
        return SimpleNamespace(
            create_batch=lambda: _Builder(self._chance.randint(1, 4)), send_batch=self._send
        )

    async def _send(self, batch: _Builder, topic: str, *, partition: int) -> "asyncio.Future[None]":
        if not self._sent:
            asyncio.get_running_loop().call_soon(self._deliver)
        self._sent.append(_Sent(TP(topic, partition), batch.records))
        return self._sent[-1].answer

    def thaw(self) -> None:
        """What the network held back reaches the broker, and the answers the process that was stopped."""
        self.stopped = False
        for one in self._late:
            self._append(one)
        self._late = []
        unanswered, self._unanswered = self._unanswered, []
        for one in unanswered:
            one.answer.set_result(None)

    def _deliver(self) -> None:
        """One round trip."""
        sent, self._sent = self._sent, []
        if self.dead or not self._lease.holds():
            return  # no answer ever
        kind = self._strikes()
        if kind == "cut":
            for one in sent:
                self._append(one, self._chance.randint(0, len(one.records)))
            self._die(sent)
        elif kind == "lost":
            for one in sent:
                self._append(one)
            self._die(sent)
        elif kind == "refused":
            self._refuse(sent)
        elif kind == "late":
            self._late = [one for one in sent if one.tp.topic == self._sole_writer.topic]
            self._answer(sent, stop=True)
        else:
            for one in sent:
                self._write(one, again=kind == "again" and self._chance.random() < 0.5)
            self._answer(sent, stop=kind == "frozen")

    def _strikes(self) -> str:
        if self.fault is None:
            return ""
        self.fault.after -= 1
        if self.fault.after >= 0:
            return ""
        kind, self.fault = self.fault.kind, None
        return kind

    def _append(self, sent: _Sent, most: int | None = None) -> int:
        first = self._broker.end(sent.tp)
        for record in sent.records[:most]:
            self._broker.append(sent.tp, record)
        return first

    def _write(self, sent: _Sent, *, again: bool = False) -> None:
        if sum(record.size for record in sent.records) > MAX_BATCH_BYTES:
            sent.answer.set_exception(MessageSizeTooLargeError())
            return
        first = self._append(sent)
        states = sent.tp.topic == self._sole_writer.topic
        if again:  # the first answer was lost, so it was sent again
            if states:
                self._sole_writer.sent_again(sent.tp.partition, len(sent.records))
            first = self._append(sent)
        if states:
            try:
                self._sole_writer.acknowledged(sent.tp.partition, first, len(sent.records))
            except StalledError as error:
                self.dead = True
                sent.answer.set_exception(error)

    def _answer(self, sent: list[_Sent], *, stop: bool) -> None:
        waiting = [one for one in sent if not one.answer.done()]
        if stop and waiting:
            self.stopped = True
            self._unanswered = waiting
            return
        for one in waiting:
            one.answer.set_result(None)

    def _die(self, sent: list[_Sent]) -> None:
        self.dead = True
        sent[0].answer.set_exception(Killed())

    def _refuse(self, sent: list[_Sent]) -> None:
        """A partition's leader refuses a batch; whether it wrote it is not known."""
        refused = self._chance.choice(sent)
        if self._chance.random() < 0.5:
            self._append(refused)
        refused.answer.set_exception(NotEnoughReplicasError())
        for one in sent:
            if one is not refused:
                self._write(one)
        self._answer(sent, stop=False)


class Consumer(BatchConsumer):
    """The product's rules of delivery and of commits, over fetches from the broker in memory."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._expected: dict[TP, int] = {}
        self._sought: set[TP] = set()
        self._done: dict[TP, int] = {}
        self._hole: dict[TP, tuple[int, int]] = {}
        self._ends: dict[TP, int] = {}
        self._positions: dict[TP, int] = {}
        self._under_way: dict[TP, int] = {}
        self._tps: list[TP] = []

    def assign(self, tps: list[TP], chance: random.Random) -> None:
        """Anew: fetches are under way from anywhere before the partitions are sought."""
        self._forget()
        self._ends = {}
        self._positions = {}
        self._tps = tps
        self._under_way = {tp: chance.randint(0, self._broker.end(tp)) for tp in tps}

    def sought(self) -> None:
        """To the committed offsets; what was asked for before may still come."""
        self._expected = {tp: self._broker.committed.get(tp, 0) for tp in self._tps}
        self._positions = dict(self._expected)

    def _is_changelog_tp(self, tp: TP) -> bool:
        return False

    def end(self, tp: TP) -> int | None:
        return self._ends.get(tp)

    def at_end(self, tp: TP) -> bool:
        return self._positions.get(tp, -1) >= self._broker.end(tp)

    async def seek_wait(self, partitions: Any) -> None:
        self._positions.update(partitions)

    async def fetch(self, tp: TP, most: int) -> Batch | None:
        """The next batch of a partition, if it may be delivered."""
        under_way = self._under_way.pop(tp, None)
        start = self._positions[tp] if under_way is None else under_way
        records = self._broker.read(tp, start, most)
        self._ends[tp] = self._broker.end(tp)
        if not records:
            return None
        batch = Batch(tp, records)
        if under_way is None:
            self._positions[tp] = batch.offset + 1
        admitted = await self._admit(tp, batch)
        if under_way is not None and admitted:
            self._positions[tp] = batch.offset + 1
        return batch if admitted else None

    def commit_some(self, generation: int) -> None:
        """Commits what is done."""
        for tp in self._filter_tps_with_pending_acks():
            offset = self._new_offset(tp)
            if offset is not None:
                self._broker.commit(tp, offset, generation)
