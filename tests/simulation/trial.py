"""One seed: a story, a world and its faults, and what was wrong at the end."""

import asyncio
import random
import tempfile
from pathlib import Path
from typing import Any

from scorer.grid import parse_grid
from scorer.plan import Plan
from scorer.shard import Shard
from streams.shards import MakeShard
from tests.oracle import naive_score
from tests.oracle.agreement import differences
from tests.oracle.lines import DAY
from tests.properties.grids import text
from tests.simulation import checks
from tests.simulation.stories import END, FADING, GRID, Story, with_plays
from tests.simulation.world import KINDS, Faults, World

Told = dict[str, Any]


def play(world: World, story: Story, *, kept_up: bool = False) -> None:
    """Tells a story to a world, part by part, until all is quiet; `kept_up`: event by event."""
    asyncio.run(_play(world, story, kept_up))


async def _play(world: World, story: Story, kept_up: bool) -> None:
    for part in story.parts:
        for event in part:
            world.publish(event)
            for _ in range(0 if kept_up else world.chance.randrange(8)):
                await world.act()
            if kept_up:
                await world.drain()
        await world.drain()
    await world.pass_time(END)


def wrong(
    world: World, story: Story, grid: Told, *, only_leads: bool = False, late: bool = False
) -> list[str]:
    """What the world does not say as the naive model does, or what else is broken."""
    known = {told["lead_id"] for told in story.told if "lead_id" in told}
    found = [_by_least_lead(record, known) for record in checks.scores(world, END)]
    expected = [_by_least_lead(record, known) for record in naive_score(story.lines, grid, END)]
    if only_leads:
        found, expected = ([one for one in told if one["lead_id"] in known] for told in (found, expected))
    found.sort(key=lambda record: (-record["score"], record["lead_id"]))
    apart = [one for one in differences(found, expected) if ": tier " not in one and ": since " not in one]
    return apart + checks.breaches(world, late=late)


def _by_least_lead(record: Told, known: set[str]) -> Told:
    """Aliases that raced make one lead of the same ids; the last to come decides which of them names it."""
    leads = {*record["identities"]} & known or {record["lead_id"]}
    return record | {"lead_id": min(leads), "identities": [min(leads), *record["identities"]]}


def world_of(
    chance: random.Random,
    grid: Told,
    faults: Faults,
    make_shard: MakeShard = Shard,
    remembered_ids: int = 64,
    forget_after: int | None = None,
    folder: Path | None = None,
) -> World:
    """A world that scores by a grid."""
    plan = Plan(parse_grid(text(grid), "simulated.yml"))
    return World(
        plan,
        chance,
        faults=faults,
        make_shard=make_shard,
        remembered_ids=remembered_ids,
        forget_after=forget_after,
        folder=folder,
    )


def trial(
    seed: int, grid: Told = GRID, kinds: tuple[str, ...] = KINDS, *, remembered_ids: int = 64
) -> list[str]:
    """Plays one seed; what was wrong. Where few ids are remembered, no producer sends anything twice."""
    chance = random.Random(seed)
    story = Story(chance, copies=remembered_ids > 1)
    world = world_of(chance, with_plays(grid), any_faults(chance, kinds), remembered_ids=remembered_ids)
    play(world, story)
    late = "late" in kinds
    if late:  # right is what the next recovery makes of it
        asyncio.run(_recover(world))
    return wrong(world, story, grid, late=late)


async def _recover(world: World) -> None:
    await world.restart()
    await world.drain()


def forgetting(seed: int) -> list[str]:
    """Plays one seed whose ids are soon forgotten: leads stand as if they had not been."""
    chance = random.Random(seed)
    story = Story(chance)
    world = world_of(chance, with_plays(FADING), any_faults(chance), forget_after=DAY)
    play(world, story)
    return wrong(world, story, FADING, only_leads=True)


def on_disk(seed: int) -> list[str]:
    """Plays one seed with the states on disk, where others find them when a worker is no more."""
    chance = random.Random(seed)
    story = Story(chance)
    with tempfile.TemporaryDirectory() as folder:
        world = world_of(chance, with_plays(GRID), any_faults(chance), folder=Path(folder))
        play(world, story)
        found = wrong(world, story, GRID)
        for worker in world.workers:
            worker.close()
    return found


def moves(seed: int) -> list[str]:
    """Plays one seed: all is there at once, and partitions move all the time while it is worked off."""
    chance = random.Random(seed)
    story = Story(chance, events=50, copies=False, kinds=("page_view",))
    world = world_of(chance, with_plays(GRID), Faults(rebalances=40))
    asyncio.run(_catch_up(world, story))
    return wrong(world, story, GRID)


async def _catch_up(world: World, story: Story) -> None:
    for part in story.parts:
        for event in part:
            world.publish(event)
        for _ in range(4 * len(part)):
            await world.act()
        await world.drain()
    await world.pass_time(END)


def any_faults(chance: random.Random, kinds: tuple[str, ...] = KINDS) -> Faults:
    """A few of each kind."""
    return Faults(kinds, strikes=chance.randint(0, 8), rebalances=chance.randint(0, 4), compactions=2)
