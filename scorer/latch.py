"""The latch: what a play watches besides tiers, that goes off once before it must be armed again."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

import msgspec

from scorer.grid_model import Criterion, Play

TOTAL: Final = -1
"""In place of a dimension."""

SLICES: Final = 24
"""The window of a gain is looked at in so many parts."""


class Latch(msgspec.Struct, frozen=True, gc=False):
    """Goes up as a value reaches `high`, down as it falls below `low`; one of these sets the play off."""

    play: Play
    kind: Literal["level", "gain", "holds"]
    """Of a value, of how much the total has risen, or of whether a criterion holds."""
    high: float = 0.0
    low: float = 0.0
    at: int = TOTAL
    """The dimension whose value it is."""
    rises: bool = True
    """Whether going up sets it off."""
    rule: int = 0
    """The criterion, by its place in the grid."""
    slice: int = 0
    """A part of the window, in microseconds."""


class Level(msgspec.Struct, frozen=True, gc=False):
    """A bound at which a latch turns: it is up until the value falls below, or down until it reaches it."""

    at: int
    bound: float
    up: bool


def latches(
    plays: Iterable[Play],
    dimensions: Sequence[str],
    criteria: Sequence[Criterion],
    hysteresis: float,
) -> tuple[Latch, ...]:
    """The latches of some plays, in their order."""
    places = {criterion.id: place for place, criterion in enumerate(criteria)}
    found = []
    for play in plays:
        if play.crossing is not None:
            bound, rises = play.crossing.bound, play.crossing.rises
            at = TOTAL if play.crossing.of is None else dimensions.index(play.crossing.of)
            high, low = (bound, bound - hysteresis) if rises else (bound + hysteresis, bound)
            found.append(Latch(play, "level", high, low, at, rises))
        elif play.gain is not None:
            points = play.gain.points
            part = max(play.gain.within_us // SLICES, 1)
            found.append(Latch(play, "gain", points, points - hysteresis, slice=part))
        elif play.criterion and criteria[places[play.criterion]].kind != "behaviour":
            found.append(Latch(play, "holds", rule=places[play.criterion]))
    return tuple(found)


def answering(plays: Iterable[Play], criteria: Sequence[Criterion]) -> Mapping[str, tuple[Play, ...]]:
    """By behaviour: the plays that each event sets off which it counts."""
    behaviours = {criterion.id for criterion in criteria if criterion.kind == "behaviour"}
    found: dict[str, tuple[Play, ...]] = {}
    for play in plays:
        if play.criterion in behaviours:
            found[play.criterion] = (*found.get(play.criterion, ()), play)
    return found
