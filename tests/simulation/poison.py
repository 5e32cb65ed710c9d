"""A world whose scoring has a bug that some events meet; it is mended, and the dead letters are replayed."""

import asyncio
import random
from typing import Any

from faust.types import TP

from scorer.event import Event
from scorer.lead_scoring import LeadScoring
from scorer.partitioner import partition_of
from scorer.shard import Shard
from scorer.topics import FAILED, IN_TOPICS, full_name
from streams.dead_letters import origin, put_back
from tests.simulation.broker import PREFIX
from tests.simulation.stories import END, GRID, Story, with_plays
from tests.simulation.trial import any_faults, world_of
from tests.simulation.world import Published

UNREADABLE = (
    b"{broken",
    b"[]",
    b'{"type": "page_view"}',
    b"\xff\xfe",
    b'{"type": "identify", "lead_id": "u-1", "traits": 3}',
)


class _BuggyScoring(LeadScoring):
    """Fails on a third of the events, wherever they are applied."""

    def apply(self, key: bytes, resident: Any, event: Event, *more: Any) -> str:
        if int(str(event.id).removeprefix("e-")) % 3 == 0:
            raise ZeroDivisionError
        return super().apply(key, resident, event, *more)


class _Buggy(Shard):
    """Scores with the bug."""

    scoring = _BuggyScoring


class Poisoned:
    """A story, told to a world with a bug, among records that nobody can read."""

    def __init__(self, seed: int) -> None:
        chance = random.Random(seed)
        self.story = Story(chance)
        self.world = world_of(chance, with_plays(GRID), any_faults(chance), _Buggy)
        self.unreadable: set[str] = set()

    def run(self) -> None:
        """Tells it part by part; after each the bug is mended, and what it failed on is replayed."""
        asyncio.run(self._run())

    def failed(self, *, by_bug: bool) -> set[str]:
        """Where what failed came from, by the bug or since nobody can read it."""
        letters = self.world.broker.all_of(FAILED)
        return {origin(letter) for letter in letters if self._by_bug(letter) is by_bug}

    async def _run(self) -> None:
        world = self.world
        replayed: set[tuple[int, int]] = set()
        for part in self.story.parts:
            world.make_shard = _Buggy
            await world.restart()
            for event in part:
                if world.chance.random() < 0.2:
                    self._publish_unreadable(event.timestamp)
                world.publish(event)
                for _ in range(world.chance.randrange(8)):
                    await world.act()
            await world.drain()
            world.make_shard = Shard
            await world.restart()
            letters = [letter for letter in world.broker.all_of(FAILED) if self._by_bug(letter)]
            for letter in letters:
                if (letter.partition, letter.offset) in replayed:
                    continue
                replayed.add((letter.partition, letter.offset))
                topic, record = put_back(letter, PREFIX)
                world.broker.append(TP(topic, partition_of(record.key or b"", world.partitions)), record)
                await world.act()
            await world.drain()
        await world.pass_time(END)

    def _publish_unreadable(self, timestamp: int) -> None:
        chance = self.world.chance
        topic, number = chance.choice(IN_TOPICS), chance.randrange(self.world.partitions)
        tp = TP(full_name(PREFIX, topic), number)
        self.unreadable.add(f"{tp.topic}/{number}/{self.world.broker.end(tp)}")
        value, key = chance.choice(UNREADABLE), chance.choice((None, b"u-1", b"\xff"))
        self.world.publish(Published(value, timestamp, number, topic, key or b""))

    @staticmethod
    def _by_bug(letter: Any) -> bool:
        return dict(letter.headers)["errors.class"] == b"ZeroDivisionError"
