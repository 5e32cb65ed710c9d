"""Whoever becomes whom, and whatever is killed, stopped or moved meanwhile: the union of events, once."""

import random

from hypothesis import given
from hypothesis import strategies as st

from tests.properties.effort import examples
from tests.properties.grids import grids
from tests.properties.logs import Told
from tests.simulation import checks
from tests.simulation.poison import Poisoned
from tests.simulation.stories import GRID, Story, with_plays
from tests.simulation.trial import any_faults, forgetting, on_disk, play, trial, world_of, wrong
from tests.simulation.world import Faults

SEEDS = st.integers(0, 1 << 32)


@examples(150)
@given(SEEDS, grids())
def test_every_score_is_the_naive_one_and_every_promise_is_kept(seed: int, grid: Told) -> None:
    assert trial(seed, grid) == []


@examples(60)
@given(SEEDS)
def test_what_the_network_held_back_and_others_have_gone_on_without_makes_no_score_wrong(seed: int) -> None:
    assert trial(seed, kinds=("late", "late", "frozen", "cut", "lost")) == []


@examples(40)
@given(SEEDS, grids())
def test_a_stream_that_keeps_up_says_the_same_alerts_with_faults_and_without(seed: int, grid: Told) -> None:
    story = Story(random.Random(seed))
    chance = random.Random(seed)
    calm, struck = (world_of(chance, with_plays(grid), faults) for faults in (Faults(), any_faults(chance)))
    for world in (calm, struck):
        play(world, story, kept_up=True)
        assert wrong(world, story, grid) == []
    assert checks.alerts(struck) == checks.alerts(calm)


@examples(15)
@given(SEEDS)
def test_states_on_disk_say_the_same(seed: int) -> None:
    assert on_disk(seed) == []


@examples(40)
@given(SEEDS)
def test_who_is_forgotten_is_missed_by_no_lead(seed: int) -> None:
    assert forgetting(seed) == []


@examples(40)
@given(SEEDS)
def test_what_scoring_failed_on_is_kept_and_once_replayed_has_never_failed(seed: int) -> None:
    poisoned = Poisoned(seed)
    poisoned.run()
    assert poisoned.failed(by_bug=False) == poisoned.unreadable
    assert wrong(poisoned.world, poisoned.story, GRID) == []
