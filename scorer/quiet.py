"""The outlook: what a lead stands at, until when time alone changes no tier, and how much an event must add.

By Jensen's inequality, fading points that halve at several rates stay above one that halves at their
points-weighted mean rate: sum P_i 2^(-r_i t) >= P 2^(-r t) with r = sum P_i r_i / P.
"""

import math
from collections.abc import Sequence
from typing import Final

import msgspec

from scorer.latch import TOTAL, Level
from scorer.plan import Plan
from scorer.term import Term
from scorer.tiers import SLACK, decide
from scorer.times import FOREVER

_MARGIN: Final = 1e-6
"""Kept from the headroom, for the rounding of sums."""
_LARGE: Final = 1e6
"""Points below 0 beyond this are left out of what a dimension can reach, for the rounding of sums."""


class _Part(msgspec.Struct, gc=False):
    """A quantity as `base + fades * 2^(-rate t)`: at least (or at most) this at every t >= 0."""

    base: float
    fades: float = 0.0
    rate: float = 0.0


class Outlook:
    """How a lead's contributions add up at a moment, and how far they may go from there.

    `found` are its terms as they are at `moment`. All by dimension: what is fixed, what falls to 0, what
    rises to 0 (each weighted by its rate too), and the most that can be there before another match.
    """

    __slots__ = (
        "_drops",
        "_falling",
        "_falling_rate",
        "_fixed",
        "_jumps",
        "_most",
        "_plan",
        "_rising",
        "_rising_rate",
        "_sums",
        "found",
        "moment",
    )

    def __init__(self, found: Sequence[Term], plan: Plan, moment: int) -> None:
        self.found = found
        self.moment = moment
        self._plan = plan
        none = [0.0] * len(plan.dimensions)
        self._sums = sums = none[:]
        self._fixed = fixed = none[:]
        self._most = most = none[:]
        self._falling = falling = none[:]
        self._falling_rate = falling_rate = none[:]
        self._rising = self._rising_rate = none
        drops = jumps = FOREVER
        for term in found:
            at, value, since = term.dimension, term.points, term.since
            if since > moment:
                if value > 0:
                    most[at] += value
                    if since < jumps:
                        jumps = since
                elif since < drops:
                    drops = since
                continue
            cap, rate, until = term.cap, term.rate, term.until
            if cap is not None and (value > cap if value > 0 else value < cap):
                value = cap
            sums[at] += value
            if not rate:
                fixed[at] += value
            elif value > 0:
                falling[at] += value
                falling_rate[at] += value * rate
            else:
                self._rises(at, -value, rate)
            if until is not None:
                if value > 0:  # the next match gives a repetition its full points again
                    most[at] += plan.rules[term.rule].points
                    if until < drops:
                        drops = until
                elif until < jumps:
                    jumps = until
            elif value > 0 or self._stays(term):
                most[at] += value
        self._drops, self._jumps = drops, jumps
        """When the first contribution jumps down, and when the first jumps up."""

    def _rises(self, at: int, missing: float, rate: float) -> None:
        if self._rising is self._rising_rate:  # the first
            self._rising, self._rising_rate = self._rising[:], self._rising[:]
        self._rising[at] += missing
        self._rising_rate[at] += missing * rate

    def _stays(self, term: Term) -> bool:
        """Whether points below 0 stay, whatever happens that only adds: a match ends an absence."""
        return not term.rate and term.points > -_LARGE and self._plan.rules[term.rule].kind != "absent"

    def tier(self, current: int) -> int:
        """The position of the tier at the moment, for a lead in the tier `current`."""
        dimensions = self._within(self._sums)
        return decide(self._plan, dimensions, sum(dimensions), current)

    def values(self) -> list[float]:
        """The dimensions, each within its bounds, at the moment; their sum is the total."""
        return self._within(self._sums)

    def headroom(self, current: int, levels: Sequence[Level] = ()) -> float:
        """Events that add up to less than this, and take nothing away, lead to no tier above `current`.

        Nor to a level that is to be reached.

        Whenever they come: what falls by itself is taken as it is, what rises as risen, each repetition
        as matched again, each absence as ended where it takes points, as begun where it adds some.
        """
        most = self._within(self._most)
        total = sum(most)
        room = math.inf
        for tier in self._plan.tiers[current + 1 :]:
            missing = tier.total - total
            for at, least in tier.requires:
                if least - most[at] > missing:
                    missing = least - most[at]
            if missing < room:
                room = missing
        for level in levels:
            if not level.up:
                room = min(room, level.bound - (total if level.at == TOTAL else most[level.at]))
        return room - _MARGIN

    def quiet_until(self, current: int, levels: Sequence[Level] = (), *, may_climb: bool = True) -> int:
        """A moment before which the tier stays `current`, and no level is crossed, if nothing happens.

        `may_climb`: False with a headroom above 0, which no higher tier nor level is reached by time with.
        """
        quiet = FOREVER
        wait: float = FOREVER
        if may_climb:
            quiet = self._jumps
            if self._rising is not self._rising_rate:
                wait = self._climbs(current)
        if current:
            quiet = min(quiet, self._drops)
            wait = min(wait, self._leaves(current))
        for level in levels:
            if level.up:
                quiet = min(quiet, self._drops)
            if level.up or may_climb:
                wait = min(wait, self._crosses(level))
        return min(quiet, self.moment + math.floor(wait * (1 - 1e-9))) if wait < FOREVER else quiet

    def _within(self, sums: list[float]) -> list[float]:
        return [
            low if value < low else high if value > high else value
            for value, (low, high) in zip(sums, self._plan.bounds, strict=True)
        ]

    def _leaves(self, current: int) -> float:
        plan = self._plan
        parts = [self._lowest(at) for at in range(len(plan.dimensions))]
        tier = plan.tiers[current]
        lowered = plan.grid.hysteresis + SLACK
        wait: float = FOREVER
        for at, least in tier.requires:
            wait = min(wait, _reaches(parts[at], least - lowered))
        if tier.total > -math.inf:
            wait = min(wait, _reaches(_sum(parts), tier.total - lowered))
        return wait

    def _climbs(self, current: int) -> float:
        plan = self._plan
        parts = [self._highest(at) for at in range(len(plan.dimensions))]
        total = _sum(parts)
        wait: float = FOREVER
        for tier in plan.tiers[current + 1 :]:
            asked = [(parts[at], least) for at, least in tier.requires]
            if tier.total > -math.inf:
                asked.append((total, tier.total))
            missing = [
                (part, least - SLACK) for part, least in asked if part.base + part.fades < least - SLACK
            ]
            wait = min(wait, max((_reaches(part, least) for part, least in missing), default=0.0))
        return wait

    def falls_at(self, level: Level) -> int:
        """A moment before which a level is not left downwards, whatever happens that only adds."""
        wait = self._crosses(level)
        falls = self.moment + math.floor(wait * (1 - 1e-9)) if wait < FOREVER else FOREVER
        return min(self._drops, falls)

    def _crosses(self, level: Level) -> float:
        bound_of = self._lowest if level.up else self._highest
        if level.at != TOTAL:
            return _reaches(bound_of(level.at), level.bound - SLACK)
        return _reaches(_sum([bound_of(at) for at in range(len(self._plan.dimensions))]), level.bound - SLACK)

    def _lowest(self, at: int) -> _Part:
        """A lower bound of a dimension: its points above 0 fade, the others are taken as they are."""
        low, high = self._plan.bounds[at]
        base, points = self._fixed[at] - self._rising[at], self._falling[at]
        if base >= high:
            return _Part(high)
        if base + points <= low:
            return _Part(low)
        return _Part(base, min(points, high - base), self._falling_rate[at] / points if points else 0.0)

    def _highest(self, at: int) -> _Part:
        """An upper bound of a dimension: its points below 0 fade, the others are taken as they are."""
        low, high = self._plan.bounds[at]
        base, points = self._fixed[at] + self._falling[at], self._rising[at]
        if base <= low:
            return _Part(low)
        if base - points >= high:
            return _Part(high)
        return _Part(base, -min(points, base - low), self._rising_rate[at] / points if points else 0.0)


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


def rise(found: Sequence[Term], plan: Plan, moment: int) -> float:
    """The most that the total may rise by itself from a moment on, or by what a match gives back.

    What rises is taken as risen, an absence as ended where it takes points and as begun where it adds some,
    each repetition as matched again. An absence still to begin takes points before it gives them back.
    """
    most = 0.0
    for term in found:
        points = term.points
        if term.since > moment:
            most += max(points, 0.0)
        elif points < 0:
            most -= term.at(moment)
        elif term.until is not None:
            most += plan.rules[term.rule].points - term.at(moment)
    return most
