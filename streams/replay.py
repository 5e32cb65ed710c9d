"""Replays dead letters: puts them back on the topics they came from, each once however often that is asked.

What was put back is remembered with the offsets of a consumer group: all before the committed offset, and
beyond it the ranges that stand in the commit's metadata, since a choice leaves gaps.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from scorer.brokers import connection
from scorer.topics import FAILED, full_name
from streams.dead_letters import origin, put_back
from streams.errors import StreamError
from streams.topics import MAX_RECORD_BYTES, admin_of

_AT_ONCE: Final = 500
"""Letters between two commits: as many may go twice when a run is killed."""
_MOST_METADATA: Final = 4_096
"""Bytes that a broker keeps with a committed offset, unless told otherwise."""
_READ_WITHIN_MS: Final = 500
_SILENT_AFTER_S: Final = 30.0


class ReplayError(StreamError):
    """Dead letters can't be replayed as was asked."""


@dataclass(frozen=True)
class Choice:
    """Which letters; empty: all."""

    classes: frozenset[str] = frozenset()
    topics: frozenset[str] = frozenset()
    """Full names of those that they came from."""
    since_ms: int | None = None
    """Failed at or after this."""

    def takes(self, letter: Any) -> bool:
        """Whether a letter is chosen."""
        error_class, topic = kind_of(letter)
        return (
            (not self.classes or error_class in self.classes)
            and (not self.topics or topic in self.topics)
            and (self.since_ms is None or letter.timestamp >= self.since_ms)
        )


@dataclass
class Tally:
    """How many letters there are, each by class and topic."""

    chosen: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Not replayed before."""
    others: int = 0
    """Not replayed before, and not chosen."""
    before: int = 0
    """Replayed before, or the same record as another."""
    too_large: int = 0
    """Of the chosen those that their topic does not take."""


class Done:
    """Which letters of one partition were replayed."""

    def __init__(self, offset: int = 0, metadata: str = "") -> None:
        self._before = max(offset, 0)
        self._beyond: set[int] = set()
        for part in filter(None, metadata.split(",")):
            first, _, last = part.partition("-")
            self._beyond |= set(range(int(first), int(last or first) + 1))

    def __contains__(self, offset: int) -> bool:
        return offset < self._before or offset in self._beyond

    def add(self, offset: int, start: int) -> None:
        """A letter was replayed; before `start` there are none any more."""
        self._before = max(self._before, start)
        self._beyond.add(offset)
        while self._before in self._beyond:
            self._beyond.remove(self._before)
            self._before += 1

    def committed(self) -> OffsetAndMetadata:
        """What the group is to remember; ReplayError where that is too much."""
        ranges: list[list[int]] = []
        for offset in sorted(self._beyond):
            if ranges and ranges[-1][1] == offset - 1:
                ranges[-1][1] = offset
            else:
                ranges.append([offset, offset])
        text = ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)
        if len(text) > _MOST_METADATA:
            raise ReplayError(
                "the replayed records lie among too many others to remember which: replay with a wider choice"
            )
        return OffsetAndMetadata(self._before, text)


def kind_of(letter: Any) -> tuple[str, str]:
    """What class of error a letter tells of, and the topic it came from."""
    said = dict(letter.headers)
    return said.get("errors.class", b"unknown").decode(), said.get("errors.topic", b"unknown").decode()


async def replay(kafka: str, prefix: str, choice: Choice, *, send: bool) -> Tally:
    """Counts the letters there are now, and with `send` puts those of a choice back."""
    group, topic = full_name(prefix, "replay"), full_name(prefix, FAILED)
    consumer = AIOKafkaConsumer(**connection(kafka), group_id=group, enable_auto_commit=False)
    producer = AIOKafkaProducer(**connection(kafka), acks="all", max_request_size=2 * MAX_RECORD_BYTES)
    await consumer.start()
    await producer.start()
    try:
        tally = Tally()
        remembered = await _remembered(kafka, consumer, group, topic)
        for tp, done in remembered.items():
            await _Partition(consumer, producer, prefix, tp, done, tally).go(choice, send=send)
        return tally
    finally:
        await producer.stop()
        await consumer.stop()


async def _remembered(kafka: str, consumer: Any, group: str, topic: str) -> dict[TopicPartition, Done]:
    """Each partition of the failed topic, and what of it was replayed."""
    async with admin_of(kafka) as admin:
        (described,) = await admin.describe_topics([topic])
        if described["error_code"]:
            raise ReplayError(
                f"there is no topic {topic}: make it with `leadheat topics`, or correct the prefix"
            )
        partitions = sorted(TopicPartition(topic, one["partition"]) for one in described["partitions"])
        consumer.assign(partitions)
        await consumer.committed(partitions[0])  # waits for the group's coordinator, which the next does not
        found = await admin.list_consumer_group_offsets(group, partitions=partitions)
        return {tp: Done(found[tp].offset, found[tp].metadata or "") for tp in partitions}


@dataclass
class _Partition:
    """One partition of the failed topic."""

    consumer: Any
    producer: Any
    prefix: str
    tp: TopicPartition
    done: Done
    tally: Tally
    origins: set[str] = field(default_factory=set)
    """Of the letters seen: a crash of a worker may have left two of the same record."""

    async def go(self, choice: Choice, *, send: bool) -> None:
        """All letters that are there now."""
        start = (await self.consumer.beginning_offsets([self.tp]))[self.tp]
        async for letters in self._read(start):
            chosen = []
            for letter in letters:
                again = origin(letter) in self.origins
                self.origins.add(origin(letter))
                if letter.offset in self.done or again:
                    self.tally.before += 1
                elif choice.takes(letter):
                    self.tally.chosen[kind_of(letter)] += 1
                    chosen.append(letter)
                else:
                    self.tally.others += 1
            if send and chosen:
                await self._put_back(chosen, start)

    async def _read(self, start: int) -> AsyncIterator[Sequence[Any]]:
        end = (await self.consumer.end_offsets([self.tp]))[self.tp]
        self.consumer.seek(self.tp, start)
        position, silent = start, 0.0
        while position < end:
            fetched = await self.consumer.getmany(self.tp, timeout_ms=_READ_WITHIN_MS, max_records=_AT_ONCE)
            letters = [letter for letter in fetched.get(self.tp, ()) if letter.offset < end]
            silent = 0.0 if letters else silent + _READ_WITHIN_MS / 1_000
            if silent > _SILENT_AFTER_S:
                raise ReplayError(
                    f"Kafka gave nothing of {self.tp.topic}-{self.tp.partition} from {position} on"
                )
            if letters:
                yield letters
            position = await self.consumer.position(self.tp)

    async def _put_back(self, letters: Sequence[Any], start: int) -> None:
        """Sends and remembers; what its topic does not take stays where it is."""
        sent = []
        for letter in letters:
            topic, record = put_back(letter, self.prefix)
            send = self.producer.send(
                topic,
                record.value,
                key=record.key,
                timestamp_ms=record.timestamp_ms,
                headers=list(record.headers),
            )
            sent.append(asyncio.ensure_future(_delivered(send)))
        for letter, there in zip(letters, await asyncio.gather(*sent), strict=True):
            if there:
                self.done.add(letter.offset, start)
            else:
                self.tally.too_large += 1
        await self.consumer.commit({self.tp: self.done.committed()})


async def _delivered(send: Any) -> bool:
    try:
        await (await send)
    except MessageSizeTooLargeError:
        return False
    return True
