"""A cheap lower bound of the next transition: a moment before which no tier can change by time alone.

By Jensen's inequality, fading points that halve at several rates stay above one that halves at their
points-weighted mean rate: sum P_i 2^(-r_i t) >= P 2^(-r t) with r = sum P_i r_i / P.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from scorer.plan import Plan
from scorer.profile import Term
from scorer.tiers import SLACK

FOREVER: Final = 1 << 62
"""A moment after every other."""


@dataclass(slots=True)
class _Part:
    """A quantity as `base + fades * 2^(-rate t)`: at least (or at most) this at every t >= 0."""

    base: float = 0.0
    fades: float = 0.0
    rate: float = 0.0


def quiet_until(found: Sequence[Term], plan: Plan, current: int, moment: int) -> int:
    """A moment up to which the tier stays `current` if nothing happens after `moment`."""
    jump = FOREVER
    size = len(plan.dimensions)
    fixed, falling, rising = [0.0] * size, [0.0] * size, [0.0] * size
    falling_rate, rising_rate = [0.0] * size, [0.0] * size
    for term in found:
        if term.since > moment:
            jump = min(jump, term.since)
            continue
        if term.until is not None:
            jump = min(jump, term.until)
        value, at = term.at(moment), term.dimension
        if not term.rate:
            fixed[at] += value
        elif value > 0:
            falling[at] += value
            falling_rate[at] += value * term.rate
        else:
            rising[at] -= value
            rising_rate[at] -= value * term.rate
    lowest, highest = [], []
    for at in range(size):
        low, high = plan.lows[at], plan.highs[at]
        lowest.append(_below(fixed[at] - rising[at], falling[at], falling_rate[at], low, high))
        highest.append(_above(fixed[at] + falling[at], rising[at], rising_rate[at], low, high))
    wait = min(_leaves(plan, current, lowest), _climbs(plan, current, highest))
    return min(jump, moment + math.floor(wait * (1 - 1e-9)) if wait < FOREVER else FOREVER)


def _below(base: float, points: float, weighted: float, low: float, high: float) -> _Part:
    """A lower bound of a dimension whose points above 0 fade, the others taken as they are."""
    if base >= high:
        return _Part(high)
    if base + points <= low:
        return _Part(low)
    return _Part(base, min(points, high - base), weighted / points if points else 0.0)


def _above(base: float, points: float, weighted: float, low: float, high: float) -> _Part:
    """An upper bound of a dimension whose points below 0 fade, the others taken as they are."""
    if base <= low:
        return _Part(low)
    if base - points >= high:
        return _Part(high)
    return _Part(base, -min(points, base - low), weighted / points if points else 0.0)


def _sum(parts: Sequence[_Part]) -> _Part:
    fades = sum(part.fades for part in parts)
    weighted = sum(part.fades * part.rate for part in parts)
    return _Part(sum(part.base for part in parts), fades, weighted / fades if fades else 0.0)


def _reaches(part: _Part, value: float) -> float:
    """How long until `base + fades * 2^(-rate t)` has gone to a value on its way; FOREVER if never."""
    left = value - part.base
    if not part.fades or not part.rate or left / part.fades <= 0:
        return FOREVER
    return max(-math.log2(left / part.fades) / part.rate, 0.0)


def _leaves(plan: Plan, current: int, parts: Sequence[_Part]) -> float:
    if current == 0:
        return FOREVER
    tier = plan.tiers[current]
    lowered = plan.grid.hysteresis + SLACK
    waits = [_reaches(parts[at], least - lowered) for at, least in tier.requires]
    if tier.total > -math.inf:
        waits.append(_reaches(_sum(parts), tier.total - lowered))
    return min(waits, default=FOREVER)


def _climbs(plan: Plan, current: int, parts: Sequence[_Part]) -> float:
    total = _sum(parts)
    wait: float = FOREVER
    for tier in plan.tiers[current + 1 :]:
        asked = [(parts[at], least) for at, least in tier.requires]
        if tier.total > -math.inf:
            asked.append((total, tier.total))
        missing = [(part, least - SLACK) for part, least in asked if part.base + part.fades < least - SLACK]
        wait = min(wait, max((_reaches(part, least) for part, least in missing), default=0.0))
    return wait
