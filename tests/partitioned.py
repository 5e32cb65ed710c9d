"""A stream in memory: shards of one core on several partitions, killed and raced at will."""

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from scorer import handover, topics
from scorer.erasure import is_deletion
from scorer.event import decode
from scorer.messages import Changes, Header, Record, Send
from scorer.partitioner import partition_of
from scorer.plan import Plan
from scorer.residents import names_a_lead
from scorer.shard import Shard
from scorer.topics import topic_of
from scorer.walk import Change


@dataclass
class Stream:
    """A worker's whole output, by topic, and ways to make it fail where a process could be killed."""

    plan: Plan
    partitions: int = 3
    forget_after: int | None = None
    scores: dict[str, dict[str, Any]] = field(default_factory=dict)
    alerts: dict[str, dict[str, Any]] = field(default_factory=dict)
    alert_sends: int = 0
    changes: list[tuple[str, Change]] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)
    as_of: dict[str, int] = field(default_factory=dict)
    counts: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    erasures: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.log: dict[tuple[str, int], list[Record]] = defaultdict(list)
        self.committed: dict[tuple[str, int], int] = defaultdict(int)
        self.position: dict[tuple[str, int], int] = defaultdict(int)
        self.largest = b""
        self.stores: list[dict[bytes, bytes]] = [{} for _ in range(self.partitions)]
        self.shards = [self._shard(number) for number in range(self.partitions)]

    def _shard(self, number: int) -> Shard:
        return Shard(
            self.plan,
            dict(self.stores[number]),
            number,
            self.partitions,
            forget_after=self.forget_after,
            on_change=lambda lead, change: self.changes.append((lead, change)),
        )

    def publish(
        self, value: bytes, timestamp: int, partition: int | None = None, headers: tuple[Header, ...] = ()
    ) -> None:
        """Puts an event on its topic, on the partition of its key or on any other."""
        event = decode(value)
        key = event.key.encode()
        where = partition_of(key, self.partitions) if partition is None else partition
        self._append(topic_of(event.type), where, key, value, timestamp, headers)

    def _append(
        self,
        topic: str,
        partition: int,
        key: bytes,
        value: bytes | None,
        timestamp: int,
        headers: tuple[Header, ...] = (),
    ) -> None:
        log = self.log[topic, partition]
        log.append(Record(topic, partition, len(log), timestamp, key, value, headers))

    def order(self, identity: str, message: handover.Message, timestamp: int) -> None:
        """Puts an order to an id on the topic of hand-overs, as `leadheat erase` does."""
        key = identity.encode()
        value = handover.encode(message)
        self._append(topics.HANDOVER, partition_of(key, self.partitions), key, value, timestamp)

    def waiting(self, number: int) -> list[Record]:
        """What a partition number has still to read: each topic in its order, the earliest head first."""
        found = [
            log[self.position[topic, partition] :]
            for (topic, partition), log in sorted(self.log.items())
            if partition == number
        ]
        return list(heapq.merge(*found, key=lambda record: record.timestamp))

    def cycle(self, number: int, most: int = 1 << 30, stop_after: str = "") -> None:
        """One cycle of a partition number, killed after a step: some, states, scores, outbox, settled."""
        shard = self.shards[number]
        batch = self.waiting(number)[:most]
        taken: list[Record] = []
        shard.receive(record for record in batch if taken.append(record) is None)  # type: ignore[func-returns-value]
        for record in taken:
            self.position[record.topic, number] = max(self.position[record.topic, number], record.offset + 1)
        self.write(number, shard.flush(), stop_after)

    def write(self, number: int, changes: Changes, stop_after: str = "") -> None:
        """Writes what a shard decided, in the order of the worker."""
        shard = self.shards[number]
        for key, count in changes.counts.items():
            self.counts[key] += count
        self.dead += [letter.message for letter in changes.dead]
        if stop_after == "some":
            self._keep(number, changes.states[: len(changes.states) // 2 + 1])
            return self.kill(number)
        self._keep(number, changes.states)
        if stop_after == "states":
            return self.kill(number, changes.scores)
        self._send(changes.scores)
        if stop_after == "scores":
            return self.kill(number, changes.scores)
        self._send(changes.outbox)
        if stop_after == "outbox":
            return self.kill(number)
        self._keep(number, shard.settle())
        if stop_after == "settled":
            return self.kill(number)
        for (topic, partition), position in self.position.items():
            if partition == number:
                self.committed[topic, partition] = position
        return None

    def kill(self, number: int, decided: Iterable[Send] = ()) -> None:
        """The memory of a worker is lost: it starts from its changelog and the committed offsets.

        The scores that its last states made, `decided`, must come again to the byte.
        """
        for topic, partition in list(self.position):
            if partition == number:
                self.position[topic, partition] = self.committed[topic, partition]
        plan = self.shards[number].plan
        self.shards[number] = self._shard(number)
        owed = self.shards[number].recover()
        again = {send for send in decided if not is_deletion(send)}  # an order to erase is read again instead
        assert again <= {*owed.scores} or self.shards[number].plan is not plan
        self.write(number, owed)

    def _keep(self, number: int, states: Iterable[tuple[bytes, bytes | None]]) -> None:
        for key, state in states:
            self.largest = max(self.largest, state or b"", key=len)
            if state is None:
                self.stores[number].pop(key, None)
            else:
                self.stores[number][key] = state

    def _send(self, sends: Iterable[Send]) -> None:
        for send in sends:
            if send.topic == topics.SCORES:
                lead = send.key.decode()
                if send.value is None:
                    self.scores.pop(lead, None)
                else:
                    self.scores[lead] = msgspec.json.decode(send.value)
                    assert send.timestamp >= self.as_of.get(lead, 0), "an older score after a newer one"
                    self.as_of[lead] = send.timestamp
            elif send.topic == topics.ALERTS and send.value is not None:
                alert = msgspec.json.decode(send.value)
                self.alerts[alert["id"]] = alert
                self.alert_sends += 1
            elif send.topic == topics.ERASURES and send.value is not None:
                self.erasures[send.key.decode()] = msgspec.json.decode(send.value)
            else:
                where = partition_of(send.key, self.partitions)
                self._append(send.topic, where, send.key, send.value, send.timestamp, send.headers)

    def drain(self, pick: Callable[[list[int]], int] = lambda numbers: numbers[0]) -> None:
        """Cycles until nothing waits."""
        while busy := [number for number in range(self.partitions) if self.waiting(number)]:
            self.cycle(pick(busy))

    def advance(self, now: int) -> None:
        """Lets time pass on every partition."""
        for number, shard in enumerate(self.shards):
            while (wake := shard.next_wake()) is not None and wake <= now:
                shard.advance(now)
                self.write(number, shard.flush())
        self.drain()

    def forget(self) -> int:
        """Lets the shards delete what time has emptied; how many ids."""
        count = 0
        for number, shard in enumerate(self.shards):
            shard.forget({topic: end for (topic, at), end in self.committed.items() if at == number})
            changes = shard.flush()
            count += len(changes.forgotten)
            self.write(number, changes)
        return count

    def held(self) -> set[str]:
        """The ids that there are states of."""
        return {key.decode() for store in self.stores for key in store if names_a_lead(key)}
