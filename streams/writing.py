"""Writes what a cycle decided, in steps of which each is acknowledged by the broker before the next begins.

Dead letters, then states, then scores and what the outboxes hold, then the states without it. A crash before
the states leaves all to the replay. After them nothing is decided again: recovery makes the scores anew that
the marker before the states names, and sends what outboxes still hold under the same ids.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final

from aiokafka.errors import KafkaError

from scorer.lead import deletion
from scorer.messages import Changes, Send
from scorer.partitioner import partition_of
from scorer.topics import FAILED, full_name
from streams import dead_letters
from streams.batching.producer import BatchProducer, Outgoing
from streams.batching.store import REVISION, TAIL_KEY
from streams.config import WorkerConfig
from streams.errors import WriteError
from streams.topics import MAX_RECORD_BYTES

_TAIL: Final = Outgoing(TAIL_KEY, b"tail")

Queues = defaultdict[tuple[str, int], list[Outgoing]]


class Writer:
    """The way out of the shards."""

    def __init__(self, producer: Callable[[], BatchProducer], config: WorkerConfig) -> None:
        self._producer = producer
        self._config = config

    async def write(
        self,
        changes: Mapping[int, Changes],
        settle: Callable[[int], list[tuple[bytes, bytes | None]]],
    ) -> None:
        """Writes the changes of each partition number; `settle` gives a partition's states without outbox."""
        await self._acknowledged(self._dead_letters(changes))
        forgotten = {p: one.forgotten for p, one in changes.items()}
        await self._acknowledged(self._states(((p, one.states) for p, one in changes.items()), forgotten))
        await self._acknowledged(self._scores_and_outboxes(changes))
        await self._acknowledged(self._states((p, settle(p)) for p in changes))

    def _dead_letters(self, changes: Mapping[int, Changes]) -> Queues:
        queues = Queues(list)
        prefix = self._config.topic_prefix
        for partition, one in changes.items():
            for dead in one.dead:
                now_ms = self._config.clock() // 1000
                queue = queues[full_name(prefix, FAILED), partition]
                queue.append(dead_letters.outgoing(dead, prefix, now_ms))
        return queues

    def _states(
        self,
        states: Iterable[tuple[int, Iterable[tuple[bytes, bytes | None]]]],
        forgotten: Mapping[int, Mapping[bytes, int]] = MappingProxyType({}),
    ) -> Queues:
        """`forgotten`: the revisions of the states that are deleted for good."""
        queues = Queues(list)
        for partition, pairs in states:
            revisions = forgotten.get(partition, {})
            queue = [
                Outgoing(key, None, headers=((REVISION, deletion(revisions[key])),))
                if state is None and key in revisions
                else Outgoing(key, state)
                for key, state in pairs
            ]
            if any(record.value is None for record in queue):
                queue.append(_TAIL)
            if queue:
                queues[self._config.changelog, partition] = queue
        return queues

    def _scores_and_outboxes(self, changes: Mapping[int, Changes]) -> Queues:
        queues = Queues(list)
        prefix = self._config.topic_prefix
        for partition, one in changes.items():
            for send in one.scores:  # a shard holds the leads whose keys are of its partition, on every topic
                queues[full_name(prefix, send.topic), partition].append(_outgoing(send))
            for send in one.outbox:
                topic = full_name(prefix, send.topic)
                partition = partition_of(send.key, self._config.partitions)
                queues[topic, partition].append(_outgoing(send))
        return queues

    async def _acknowledged(self, queues: Queues) -> None:
        """Sends and waits until the broker has it all; WriteError where it has not in time."""
        if not queues:
            return
        producer = self._producer()
        within = self._config.write_within_s
        try:
            async with asyncio.timeout(within):
                await asyncio.gather(
                    *(
                        producer.send_records(topic, partition, records, MAX_RECORD_BYTES)
                        for (topic, partition), records in queues.items()
                    )
                )
        except (TimeoutError, KafkaError) as error:
            topics = ", ".join(sorted({topic for topic, _ in queues}))
            reason = f"no answer within {within:g} s" if isinstance(error, TimeoutError) else repr(error)
            raise WriteError(
                f"Kafka at {self._config.kafka} did not take records for {topics}: {reason}"
            ) from error


def _outgoing(send: Send) -> Outgoing:
    return Outgoing(send.key, send.value, max(send.timestamp // 1000, 0), send.headers)
