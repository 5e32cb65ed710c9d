"""What recovery may find in a changelog: records that nobody can read, and deletions at its end."""

import asyncio
import random

from faust.types import TP

from scorer.lead import LaterStateError, decode, encode
from scorer.partitioner import partition_of
from streams.batching.producer import Outgoing
from streams.config import changelog_name
from tests.simulation.broker import PREFIX
from tests.simulation.stories import END, GRID, Story, with_plays
from tests.simulation.trial import any_faults, world_of, wrong
from tests.simulation.world import Faults, World

UNREADABLE = (b"", b"\x00", b"garbage that is longer than any prefix of a state", b"\x01short")
_STRANGER = b"nobody"


def unreadable(seed: int) -> list[str]:
    """States that can't be read are put aside and named, whatever is compacted; all others are right."""
    chance = random.Random(seed)
    story = Story(chance)
    world = world_of(chance, with_plays(GRID), any_faults(chance))
    return asyncio.run(_unreadable(world, story))


async def _unreadable(world: World, story: Story) -> list[str]:
    left = list(UNREADABLE)
    for part in story.parts:
        for event in part:
            world.publish(event)
            await world.act()
        await world.drain()
        while left and world.chance.random() < 0.7:
            _write(world, b"%s-%d" % (_STRANGER, len(left)), left.pop())
        await world.restart()
        await world.drain()
        for _ in range(2):
            world.broker.compact(changelog_name(PREFIX))
        await world.restart()
    await world.pass_time(END)
    there = {key for worker in world.workers for states in worker.store.partitions.values() for key in states}
    aside = sum(key.startswith(b"\xff") and _STRANGER in key for key in there)
    lost = [f"{len(UNREADABLE) - len(left)} were unreadable, {aside} are aside"]
    return wrong(world, story, GRID) + (lost if aside != len(UNREADABLE) - len(left) else [])


def later(seed: int) -> list[str]:
    """A state that asks for a later program is refused, by name, before anything is written."""
    chance = random.Random(seed)
    world = world_of(chance, with_plays(GRID), any_faults(chance))
    return asyncio.run(_later(world, Story(chance)))


async def _later(world: World, story: Story) -> list[str]:
    for event in story.parts[0]:
        world.publish(event)
    await world.drain()
    states = {key: state for worker in world.workers for kept in worker.store.partitions.values()
              for key, state in kept.items() if not key.startswith(b"\xff")}  # fmt: skip
    key, state = sorted(states.items())[0]
    lead, stored = decode(state)
    made = bytearray(encode(lead, stored.wake, stored.plan, stored.revision + 1))
    made[2:4] = b"\xff\xff"  # its version, and the least that reads it
    _write(world, key, bytes(made))
    try:
        await world.restart()
    except LaterStateError:
        return []
    return [f"the later state of {key!r} was taken up"]


def overtaken(seed: int) -> list[str]:
    """A state of a worker that had lost its partition comes behind newer ones: the newest is what counts.

    An owner that writes on notices it in time, so that not even compaction loses the newest.
    """
    chance = random.Random(seed)
    story = Story(chance, events=30)
    world = world_of(chance, with_plays(GRID), Faults())
    return asyncio.run(_overtaken(world, story))


async def _overtaken(world: World, story: Story) -> list[str]:
    for part in story.parts:
        half = len(part) // 2
        for event in part[:half]:
            world.publish(event)
        await world.drain()
        ends = {tp: _write_older_states(world, tp) for tp in _changelogs(world)}
        for event in part[half:]:
            world.publish(event)
        await world.drain()
        written = {tp for tp, end in ends.items() if world.broker.end(tp) > end}
        world.broker.compact(changelog_name(PREFIX), written)
        await world.restart()
        await world.drain()
    await world.pass_time(END)
    return wrong(world, story, GRID)


def _changelogs(world: World) -> list[TP]:
    return [TP(changelog_name(PREFIX), number) for number in range(world.partitions)]


def _write_older_states(world: World, tp: TP) -> int:
    """Behind the newest state of each lead comes the one before it; where the changelog ends then."""
    states: dict[bytes, list[bytes]] = {}
    for record in world.broker.written[tp]:
        if not record.key.startswith(b"\xff"):
            states[record.key] = [*states.get(record.key, []), record.value][-2:]
    for key, (older, *_) in states.items():
        world.broker.append(tp, Outgoing(key, older))
    return world.broker.end(tp)


def _write(world: World, key: bytes, state: bytes) -> None:
    tp = TP(changelog_name(PREFIX), partition_of(key, world.partitions))
    world.broker.append(tp, Outgoing(key, state))
