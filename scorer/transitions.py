"""Transitions: the exact moment at which a tier changes, or a level is crossed, by time alone.

Contributions that fade are exponentials. Points above 0 fall, points below 0 rise, so between two jumps
(a bound of a criterion left, a repeat that ends, an absence that begins) the value of each dimension and
of the total is enclosed by its falling and its rising parts at both ends, its slope likewise. Where the
enclosure shows that the decision can't differ there is nothing to find; where everything only falls or
only rises the ends tell all; else halve.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from scorer.latch import TOTAL, Level
from scorer.plan import Plan
from scorer.profile import values
from scorer.term import Term
from scorer.tiers import SLACK, decide
from scorer.times import DAY

HORIZON: Final = 3_653 * DAY
"""Ten years, in microseconds: how far ahead a transition is looked for."""

_EVEN: Final = 1e-12
"""An enclosure this narrow is taken as even: what it could hide is below the rounding of a sum."""

_LN2: Final = math.log(2)


@dataclass(frozen=True, slots=True)
class Transition:
    """When (microseconds) the tier changes, and to which position; its own where only a level is crossed."""

    at: int
    to: int


def next_transition(
    found: Sequence[Term],
    plan: Plan,
    current: int,
    after: int,
    before: int,
    levels: Sequence[Level] = (),
) -> Transition | None:
    """The first moment after `after` and not after `before` at which the tier is another than `current`.

    Or at which one of the levels is crossed. Exact to the microsecond; None where there is none.
    """
    return _Search(found, plan, current, levels).first(after, before)


@dataclass(slots=True)
class _Range:
    """A quantity over an interval: its least and greatest value, and whether it only falls or only rises."""

    low: float
    high: float
    falls: bool
    rises: bool


class _Search:
    def __init__(self, found: Sequence[Term], plan: Plan, current: int, levels: Sequence[Level]) -> None:
        self._plan = plan
        self._current = current
        self._terms = found
        self._levels = levels
        required = {at for tier in plan.tiers for at, _ in tier.requires}
        self._required = sorted(required | {level.at for level in levels})

    def first(self, after: int, before: int) -> Transition | None:
        jumps = sorted(
            {jump for term in self._terms for jump in jumps_of(term) if after < jump <= before} | {before}
        )
        start = after
        for jump in jumps:
            found = self._between(start, jump)
            if found is not None:
                return found
            start = jump
        return None

    def change(self, moment: int) -> Transition | None:
        """What is otherwise at a moment."""
        dimensions = values(self._terms, self._plan, moment)
        total = sum(dimensions)
        to = decide(self._plan, dimensions, total, self._current)
        if to != self._current:
            return Transition(moment, to)
        for level in self._levels:
            value = total if level.at == TOTAL else dimensions[level.at]
            if (value >= level.bound - SLACK) is not level.up:
                return Transition(moment, to)
        return None

    def _between(self, start: int, end: int) -> Transition | None:
        """The first change in (start, end], where nothing jumps inside, but maybe at the end itself."""
        active = [
            term for term in self._terms if term.since <= start and (term.until is None or term.until > start)
        ]
        found = self._halve(active, start, end - 1) if end - 1 > start else None
        return self.change(end) if found is None else found

    def _halve(self, active: list[Term], start: int, end: int) -> Transition | None:
        pending = [(start, end)]
        while pending:
            low, high = pending.pop()
            ranges = self._ranges(active, low, high)
            if self._same(ranges):
                continue
            if high - low <= 1:
                found = self.change(high)
                if found is not None:
                    return found
                continue
            asked = [ranges[-1], *(ranges[at] for at in self._required)]
            even = max(each.high - each.low for each in asked) < _EVEN
            if even or all(each.falls for each in asked) or all(each.rises for each in asked):
                found = self._bisect(low, high)
                if found is not None:
                    return found
                continue
            middle = (low + high) // 2
            pending += [(middle, high), (low, middle)]
        return None

    def _bisect(self, low: int, high: int) -> Transition | None:
        """The first change where all only falls or only rises: what has changed is never as it was again."""
        found = self.change(high)
        while found is not None and high - low > 1:
            middle = (low + high) // 2
            earlier = self.change(middle)
            if earlier is None:
                low = middle
            else:
                high, found = middle, earlier
        return found

    def _ranges(self, active: list[Term], start: int, end: int) -> list[_Range]:
        """The enclosure of each dimension and, last, of the total over an interval without jumps."""
        plan = self._plan
        size = len(plan.dimensions)
        low, high, least, most = [0.0] * size, [0.0] * size, [0.0] * size, [0.0] * size
        for term in active:
            at = term.dimension
            first, last = term.at(start), term.at(end)
            low[at] += min(first, last)
            high[at] += max(first, last)
            if first != last:
                slopes = (-_LN2 * term.rate * first, -_LN2 * term.rate * last)
                least[at] += min(slopes)
                most[at] += max(slopes)
        ranges = []
        for at in range(size):
            bottom, top = plan.bounds[at]
            flat = high[at] <= bottom or low[at] >= top
            ranges.append(
                _Range(
                    min(max(low[at], bottom), top),
                    min(max(high[at], bottom), top),
                    flat or most[at] <= 0,
                    flat or least[at] >= 0,
                )
            )
            if flat:
                least[at] = most[at] = 0.0
            elif low[at] < bottom or high[at] > top:
                least[at], most[at] = min(least[at], 0.0), max(most[at], 0.0)
        ranges.append(
            _Range(
                sum(each.low for each in ranges),
                sum(each.high for each in ranges),
                sum(most) <= 0,
                sum(least) >= 0,
            )
        )
        return ranges

    def _same(self, ranges: list[_Range]) -> bool:
        """Whether the decision is `current` everywhere in an enclosure, and no level is crossed."""
        plan, current = self._plan, self._current
        for level in self._levels:
            value = ranges[level.at]
            if value.low < level.bound - SLACK if level.up else value.high >= level.bound - SLACK:
                return False
        total = ranges[-1]
        for position in range(len(plan.tiers) - 1, current, -1):
            bound = plan.tiers[position]
            if total.high >= bound.total - SLACK and all(
                ranges[at].high >= least - SLACK for at, least in bound.requires
            ):
                return False
        if current == 0:
            return True
        bound = plan.tiers[current]
        slack = plan.grid.hysteresis + SLACK
        return total.low >= bound.total - slack and all(
            ranges[at].low >= least - slack for at, least in bound.requires
        )


def jumps_of(term: Term) -> list[int]:
    """The moments from which a term runs otherwise than before."""
    jumps = [term.since]
    if term.until is not None:
        jumps.append(term.until)
    if term.cap and term.rate and abs(term.points) > abs(term.cap):
        leaves = term.since + math.log2(term.points / term.cap) / term.rate
        if leaves < 2**62:
            jumps += [math.floor(leaves), math.floor(leaves) + 1]
    return jumps
