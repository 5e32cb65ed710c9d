"""The agent: takes whatever waits, lets the shards score it, writes what they decided, then acknowledges."""

import asyncio
import contextlib
import functools
import logging
import time
from collections import Counter
from collections.abc import AsyncIterable, Callable, Iterable, Mapping, MutableMapping
from typing import Any, Final

from faust.types import TP

from scorer.messages import Changes, DeadLetter, Record
from scorer.plan import Plan
from scorer.silence import is_silent
from scorer.topics import ALERTS, HANDOVER, IN_TOPICS, full_name
from streams import metrics, poison
from streams.config import WorkerConfig
from streams.inbox import Inbox, Portion
from streams.pace import Pace
from streams.shards import MakeShard, Shard
from streams.timers import Timers
from streams.writing import Writer

_log = logging.getLogger(__name__)

_FORGET_EVERY_S: Final = 1.0  # as often as offsets are committed
_SOURCES: Final = (*IN_TOPICS, HANDOVER)


class Scoring:
    """One actor for all partitions of this worker; one cycle at a time."""

    def __init__(
        self,
        config: WorkerConfig,
        plan: Plan,
        make_shard: MakeShard,
        states: Mapping[int, MutableMapping[bytes, bytes]],
        inbox: Inbox,
        writer: Writer,
        is_current: Callable[[Any], bool],
        done: Callable[[TP, int], None],
        committed: Callable[[TP], int | None],
        persist: Callable[[], None],
        discard: Callable[[Iterable[int]], None],
    ) -> None:
        """`is_current`: whether an event was fetched since the last rebalance; `done` takes what may be
        committed, partition and offset, and `committed` says what is; `persist`: all that is in the states
        is in the changelog; `discard`: of some partitions not all is, nor will be."""
        self._config = config
        self._plan = plan
        self._make_shard = make_shard
        self._states = states
        self._inbox = inbox
        self._writer = writer
        self._is_current = is_current
        self._done = done
        self._committed = committed
        self._forgot = time.monotonic()
        self._persist = persist
        self._discard = discard
        self._timers = Timers(config.clock)
        self._shards: dict[int, Shard] = {}
        self._owed: dict[int, Changes] = {}  # of recovery or a new grid, to be written first
        self._cycle = asyncio.Lock()
        self._work = asyncio.Event()
        self._pace = Pace()
        self._generation = 0

    async def intake(self, stream: Any) -> None:
        """The body of Faust's agent: never raises, and leaves it to `done` what is acknowledged."""
        events: AsyncIterable[Any] = stream.noack().events()
        async for event in events:
            if self._is_current(event) and self._inbox.put(event.value):
                self._work.set()

    def assign(self, partitions: Iterable[int], overtaken: Mapping[int, set[bytes]], generation: int) -> None:
        """After the states of these partition numbers were recovered: makes their shards.

        `overtaken`: keys whose state must be written again, since a lower revision follows it.
        """
        owned = sorted(partitions)
        self._generation = generation
        self._shards = {partition: self._new_shard(partition) for partition in owned}
        self._owed = {
            partition: shard.recover(overtaken.get(partition, ()), generation)
            for partition, shard in self._shards.items()
        }
        self._tell(self._owed)
        self._inbox.own(owned)
        self._work.set()
        _log.info(
            "scoring partitions %s: %d leads", owned, sum(shard.leads for shard in self._shards.values())
        )

    async def release(self) -> None:
        """Before partitions go: the cycle under way ends, and no other begins until the next `assign`."""
        self._inbox.own(())
        async with self._cycle:
            self._discard([partition for partition, owed in self._owed.items() if owed.states])
            self._shards = {}
            self._owed = {}
            self._inbox.own(())

    async def regrid(self, plan: Plan) -> None:
        """Goes on with another grid."""
        async with self._cycle:
            await self._pay()
            self._plan = plan
            self._owed = {partition: shard.regrid(plan) for partition, shard in self._shards.items()}
            self._tell(self._owed)
        self._work.set()

    async def run(self) -> None:
        """Cycle after cycle, until cancelled or failed."""
        while True:
            with contextlib.suppress(TimeoutError):  # then time alone may have something to say
                async with asyncio.timeout(self._pause()):
                    await self._work.wait()
            self._work.clear()
            async with self._cycle:
                await self._one_cycle()

    async def _one_cycle(self) -> None:
        await self._pay()
        self._forget()
        portions = self._inbox.take(await self._pace.limit(self._inbox))
        if portions:
            self._work.set()  # more may wait
        waiting = {portion.partition: portion.records for portion in portions}
        while True:
            began = time.thread_time()  # not the wall: a busy machine must not make cycles small
            dead, left = await self._receive(waiting)
            if not left:
                self._let_time_pass()
            changes = {partition: shard.flush() for partition, shard in self._shards.items()}
            for partition, letters in dead.items():
                taken = waiting[partition][: len(waiting[partition]) - len(left.get(partition, ()))]
                changes[partition].dead += letters + _too_large(taken, changes[partition])
            if waiting:
                count = sum(map(len, waiting.values())) - sum(map(len, left.values()))
                self._pace.learn(count, time.thread_time() - began)
            self._tell(changes)
            await self._write(changes)
            if not left:
                break
            waiting = left
        for portion in portions:
            self._acknowledge(portion)

    async def _receive(
        self, waiting: Mapping[int, list[Record]]
    ) -> tuple[dict[int, list[DeadLetter]], dict[int, list[Record]]]:
        """Gives records to their shards; those that scoring failed on, and those that full shards left."""
        dead, left = {}, {}
        for partition, records in waiting.items():
            shard, first = self._shards[partition], records[0].timestamp
            shard.advance(first)
            again = functools.partial(self._start_over, partition, first)
            self._shards[partition], dead[partition], taken = poison.receive(shard, records, again)
            if rest := records[taken:]:
                left[partition] = rest
            for letter in dead[partition]:
                metrics.EVENTS.labels(letter.record.topic, "failed").inc()
            await asyncio.sleep(0)  # records come in meanwhile, and others are answered
        return dead, left

    def _start_over(self, partition: int, moment: int) -> Shard:
        """The shard as its states have it: those of the last cycle."""
        shard = self._new_shard(partition)
        shard.recover(generation=self._generation)  # owes nothing: each cycle ends with empty outboxes
        shard.advance(moment)
        return shard

    def _forget(self) -> None:
        """Lets the shards delete what nobody needs, each time that something more may be committed."""
        if time.monotonic() - self._forgot < _FORGET_EVERY_S:
            return
        self._forgot = time.monotonic()
        prefix = self._config.topic_prefix
        for partition, shard in self._shards.items():
            ends = {short: self._committed(TP(full_name(prefix, short), partition)) for short in _SOURCES}
            shard.forget({short: end for short, end in ends.items() if end is not None})

    async def _pay(self) -> None:
        owed, self._owed = self._owed, {}
        if owed:
            await self._write(owed)

    def _let_time_pass(self) -> None:
        for partition, shard in self._shards.items():
            wake = shard.next_wake()
            if wake is not None and self._inbox.quiet(partition) and wake <= (now := self._timers.now()):
                shard.advance(now)

    async def _write(self, changes: dict[int, Changes]) -> None:
        await self._writer.write(changes, lambda partition: self._shards[partition].settle())
        self._persist()
        now = self._config.clock()
        for one in changes.values():
            for (topic, result), count in one.counts.items():
                metrics.EVENTS.labels(topic, result).inc(count)
            metrics.FORGOTTEN.inc(len(one.forgotten))
            for play, count in one.alerts_by_play.items():
                metrics.ALERTS.labels(play).inc(count)
            for send in one.outbox:
                if send.topic == ALERTS:
                    metrics.EVENT_TO_ALERT.observe(self._timers.wall_seconds(now - send.timestamp))
        metrics.LEADS.set(sum(shard.leads for shard in self._shards.values()))

    def _acknowledge(self, portion: Portion) -> None:
        first = portion.records[0]
        if not is_silent(first.headers):  # history did not wait since it happened
            waited = self._config.clock() - first.timestamp
            metrics.EVENT_TO_SCORE.observe(self._timers.wall_seconds(waited))
        for tp, offset in portion.done.items():
            self._done(tp, offset)

    def _pause(self) -> float:
        wakes = [wake for shard in self._shards.values() if (wake := shard.next_wake()) is not None]
        return self._timers.seconds_until(min(wakes, default=None))

    def _new_shard(self, partition: int) -> Shard:
        config = self._config
        return self._make_shard(
            self._plan,
            self._states[partition],
            partition,
            config.partitions,
            config.remembered_ids,
            config.forget_after,
        )

    def _tell(self, changes: Mapping[int, Changes]) -> None:
        """Says what a person should know of the states that were taken up."""
        for criterion in sorted({criterion for one in changes.values() for criterion in one.emptied}):
            _log.warning("criterion %s starts empty: what it asks for was not kept before", criterion)
        for partition, one in changes.items():
            for reason, count in Counter(reason for _, reason in one.unreadable).items():
                _log.error("partition %d: %d states put aside, unreadable: %s", partition, count, reason)


def _too_large(records: list[Record], changes: Changes) -> list[DeadLetter]:
    """What came for leads whose states it would make too large."""
    if not changes.refused:
        return []
    _log.error("%d leads' states would be too large: what came for them goes to failed", len(changes.refused))
    text = "it would make the lead's state larger than a record of Kafka's may be"
    return [DeadLetter(record, "TooLargeError", text) for record in records if record.key in changes.refused]
