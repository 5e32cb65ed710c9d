"""Tiers: which one a score stands in, seen from the one it stood in before."""

from collections.abc import Sequence
from typing import Final

from scorer.plan import Bound, Plan

SLACK: Final = 1e-9
"""A bound holds from this far below it, so that sums of decimals reach the bounds that they add up to."""


def holds(bound: Bound, dimensions: Sequence[float], total: float, lowered: float) -> bool:
    """Whether a tier's bounds, lowered by so many points, hold."""
    slack = lowered + SLACK
    if total < bound.total - slack:
        return False
    return all(dimensions[position] >= least - slack for position, least in bound.requires)


def decide(plan: Plan, dimensions: Sequence[float], total: float, current: int) -> int:
    """The position of the tier: the last whose bounds hold, the first where none does.

    The bounds of the current tier and of those below it are lowered by the grid's hysteresis.
    """
    for position in range(len(plan.tiers) - 1, 0, -1):
        lowered = plan.grid.hysteresis if position <= current else 0.0
        if holds(plan.tiers[position], dimensions, total, lowered):
            return position
    return 0
