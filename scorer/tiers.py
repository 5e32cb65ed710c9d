"""Tiers: which one a score stands in, seen from the one it stood in before."""

from collections.abc import Sequence
from typing import Final

from scorer.plan import Plan

SLACK: Final = 1e-9
"""A bound holds from this far below it, so that sums of decimals reach the bounds that they add up to."""


def decide(plan: Plan, dimensions: Sequence[float], total: float, current: int) -> int:
    """The position of the tier: the last whose bounds hold, the first where none does.

    The bounds of the current tier and of those below it are lowered by the grid's hysteresis.
    """
    tiers = plan.tiers
    for position in range(len(tiers) - 1, 0, -1):
        slack = SLACK if position > current else plan.grid.hysteresis + SLACK
        bound = tiers[position]
        if total >= bound.total - slack:
            for at, least in bound.requires:
                if dimensions[at] < least - slack:
                    break
            else:
                return position
    return 0
