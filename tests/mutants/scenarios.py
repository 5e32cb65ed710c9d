"""Named scenarios: what was wrong in each, for a seed; with the product as it is, nothing ever."""

from collections.abc import Callable
from functools import partial
from unittest.mock import patch

import scorer.lead_scoring
from tests.simulation import traps
from tests.simulation.poison import Poisoned
from tests.simulation.stories import GRID
from tests.simulation.trial import forgetting, moves, on_disk, trial, wrong


def poison(seed: int) -> list[str]:
    """Scoring fails on some events, nobody can read others."""
    poisoned = Poisoned(seed)
    poisoned.run()
    unread = poisoned.failed(by_bug=False) == poisoned.unreadable
    return wrong(poisoned.world, poisoned.story, GRID) + ([] if unread else ["dead letters are missing"])


def full_outboxes(seed: int) -> list[str]:
    """Every lead that has anything to send is full."""
    with patch.object(scorer.lead_scoring, "MOST_OWED_BYTES", 1):
        return trial(seed)


SIMULATED: dict[str, Callable[[int], list[str]]] = {
    "story": trial,
    "few ids": partial(trial, remembered_ids=1),
    "refused": partial(trial, kinds=("refused",)),
    "frozen": partial(trial, kinds=("frozen",)),
    "late": partial(trial, kinds=("late", "late", "cut")),
    "moves": moves,
    "full outboxes": full_outboxes,
    "forgetting": forgetting,
    "on disk": on_disk,
    "poison": poison,
    "traps": traps.unreadable,
    "later state": traps.later,
    "older states": traps.overtaken,
}


def first_red(scenario: str, seeds: range) -> str | None:
    """What is wrong at the first seed at which something is."""
    for seed in seeds:
        try:
            found = SIMULATED[scenario](seed)
        except Exception as error:  # a mutant may break anything
            found = [repr(error)]
        if found:
            return f"seed {seed}: {found[0]}"
    return None
