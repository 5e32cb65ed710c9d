"""The roll-up: what an account's leads make of its score and tier at a moment, and when time changes that.

However leads add up, an account's score rises with each of theirs. So it is enclosed, over an interval in
which nothing jumps, by what the least and the greatest of their scores make, and the moment at which its
tier changes is found as a lead's is (`transitions.py`): leave out what can't differ, halve the rest.
"""

import math
from collections.abc import Collection, Iterator, Sequence
from heapq import nlargest
from typing import Final

import msgspec

from scorer.plan import Plan
from scorer.term import Term
from scorer.tiers import SLACK
from scorer.times import DAY, FOREVER
from scorer.transitions import HORIZON, jumps_of

_EVEN: Final = 1e-10
"""An enclosure this narrow is taken as even: what it could hide is below the rounding of a sum."""
_LOOK_AHEAD: Final = (HORIZON, 30 * DAY, 2 * DAY, DAY // 8)
"""How far it is asked whether nothing can change: the first that holds saves looking until then."""


class Member(msgspec.Struct, frozen=True, gc=False):
    """A lead of an account: where it stands, how its score runs on, and what people call it."""

    lead: str
    tier: int
    """Its position in the grid's tiers."""
    terms: tuple[Term, ...]
    company: str | None
    name: str | None


class Change(msgspec.Struct, frozen=True):
    """A change of an account's tier: when (microseconds), and to which position."""

    at: int
    to: int


class Scale:
    """A grid as accounts are measured by it."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.rules = rules = plan.grid.accounts
        self.tiers: Final = plan.grid.account_tiers
        self._least = 0 if rules.least_tier is None else plan.tier_index[rules.least_tier]
        self._none = [0.0] * len(plan.dimensions)
        self._bounds = [-math.inf if one.from_ is None else one.from_ for one in rules.tiers]

    def score_of(self, member: Member, moment: int) -> float:
        """A lead's score at a moment not before its record's."""
        sums = self._none[:]
        for term in member.terms:
            value, since, until = term.points, term.since, term.until  # as `Term.at` has it
            if moment < since or (until is not None and moment >= until):
                continue
            if term.rate and moment != since:
                value *= 2.0 ** ((since - moment) * term.rate)
            if (cap := term.cap) is not None and (value > cap if value > 0 else value < cap):
                value = cap
            sums[term.dimension] += value
        total = 0.0
        for value, (low, high) in zip(sums, self.plan.bounds, strict=True):
            total += low if value < low else high if value > high else value
        return total

    def total(self, scores: Sequence[tuple[Member, float]]) -> float:
        """What leads with these scores make; 0 where none counts."""
        return self._added([score for member, score in scores if member.tier >= self._least])

    def most(self, members: Collection[Member], total: float, moment: int) -> float:
        """What the account's score, `total` at a moment, can't pass from then on if nothing more happens."""
        counting = [member for member in members if member.tier >= self._least]
        for member in counting:
            for term in member.terms:
                if (term.points < 0 and (term.rate or term.until is not None)) or term.since > moment:
                    return self._range(counting, moment, moment + HORIZON)[1]
        return total  # it only fades

    @property
    def bounded(self) -> bool:
        """Whether accounts have tiers of their own, so that time alone may change them."""
        return bool(self._bounds)

    def decide(self, members: Collection[Member], total: float, current: int) -> int:
        """The position of the account's tier, for one that stood in `current`."""
        if not self._bounds:
            return max((member.tier for member in members), default=0)
        for position in range(len(self._bounds) - 1, 0, -1):
            slack = SLACK if position > current else self.rules.hysteresis + SLACK
            if total >= self._bounds[position] - slack:
                return position
        return 0

    def quiet_until(self, members: Collection[Member], current: int, moment: int) -> int:
        """A moment before which the tier stays `current` if nothing happens; FOREVER where time alone does
        nothing within ten years."""
        if not self._bounds:  # it goes with the tiers of leads, and of those their records tell
            return FOREVER
        counting = [member for member in members if member.tier >= self._least]
        for span in _LOOK_AHEAD:
            if self._stays(*self._range(counting, moment, moment + span), current):
                return moment + span if span < HORIZON else FOREVER
        found = self.next_change(members, current, moment, moment + _LOOK_AHEAD[-1])
        return found.at if found else moment + _LOOK_AHEAD[-1]

    def span_of(self, member: Member, start: int, end: int) -> tuple[float, float] | None:
        """Between what a lead's score stays from `start` to `end`; None where it doesn't count."""
        return self._range_of(member, start, end) if member.tier >= self._least else None

    def surely(self, spans: Collection[tuple[float, float] | None], current: int) -> bool:
        """Whether an account is in the tier `current` while its leads' scores stay between these."""
        counting = [span for span in spans if span is not None]
        least, most = (self._added([span[at] for span in counting]) for at in (0, 1))
        return self._stays(least, most, current)

    def next_change(
        self, members: Collection[Member], current: int, after: int, before: int
    ) -> Change | None:
        """The first moment after `after`, not after `before`, at which the tier is not `current`."""
        if not self._bounds:
            return None
        counting = [member for member in members if member.tier >= self._least]
        start = after
        for jump in self._jumps(counting, after, before):
            if jump - 1 > start and (found := self._between(counting, start, jump - 1, current)):
                return found
            if (to := self._decided(counting, jump, current)) != current:
                return Change(jump, to)
            start = jump
        return None

    def _added(self, scores: list[float]) -> float:
        rules = self.rules
        if not scores:
            return 0.0
        if rules.of is not None and len(scores) > rules.of:
            scores = nlargest(rules.of, scores)
        if rules.cap is not None:
            scores = [min(score, rules.cap) for score in scores]
        if rules.way == "max":
            return max(scores)
        if rules.way == "min":
            return min(scores)
        return math.fsum(scores) / (len(scores) if rules.way == "avg" else 1)

    def _decided(self, counting: Collection[Member], moment: int, current: int) -> int:
        total = self._added([self.score_of(member, moment) for member in counting])
        return self.decide(counting, total, current)

    def _jumps(self, counting: Collection[Member], after: int, before: int) -> list[int]:
        jumps = (jump for member in counting for term in member.terms for jump in jumps_of(term))
        return sorted({jump for jump in jumps if after < jump <= before} | {before})

    def _between(self, counting: list[Member], start: int, end: int, current: int) -> Change | None:
        """The first change in (start, end], in which nothing jumps."""
        pending = [(start, end)]
        while pending:
            low, high = pending.pop()
            least, most = self._range(counting, low, high)
            if self._stays(least, most, current):
                continue
            if high - low <= 1:
                if (to := self._decided(counting, high, current)) != current:
                    return Change(high, to)
                continue
            middle = (low + high) // 2
            if most - least < _EVEN or self._one_way(counting, low, high):
                if self._decided(counting, high, current) == current:
                    continue
                # Once changed it is never `current` again in here: only one half is left to look at.
                early = self._decided(counting, middle, current) != current
                pending.append((low, middle) if early else (middle, high))
            else:
                pending += [(middle, high), (low, middle)]
        return None

    def _range(self, counting: Collection[Member], start: int, end: int) -> tuple[float, float]:
        """The least and the greatest that the account's score can be from `start` to `end`."""
        least, most = [], []
        for member in counting:
            low, high = self._range_of(member, start, end)
            least.append(low)
            most.append(high)
        return self._added(least), self._added(most)

    def _range_of(self, member: Member, start: int, end: int) -> tuple[float, float]:
        size = len(self.plan.dimensions)
        lows, highs = [0.0] * size, [0.0] * size
        for term in member.terms:
            first, last = term.at(start), term.at(end)
            if term.since > start or (term.until is not None and term.until <= end):
                first, last = _reach(term, start, end)
            lows[term.dimension] += min(first, last)
            highs[term.dimension] += max(first, last)
        bounds = self.plan.bounds
        return _bounded(lows, bounds), _bounded(highs, bounds)

    def _one_way(self, counting: Collection[Member], start: int, end: int) -> bool:
        """Whether no lead's score rises, or none falls, in an interval without jumps."""
        moving = [sign for member in counting for sign in _signs(member, start)]
        return all(sign > 0 for sign in moving) or all(sign < 0 for sign in moving)

    def _stays(self, least: float, most: float, current: int) -> bool:
        """Whether the tier is `current` wherever the score lies in between."""
        above = self._bounds[current + 1] if current + 1 < len(self._bounds) else math.inf
        lowered = self._bounds[current] - self.rules.hysteresis - SLACK
        return most < above - SLACK and least >= lowered


def _bounded(sums: list[float], bounds: Sequence[tuple[float, float]]) -> float:
    return sum(min(max(value, low), high) for value, (low, high) in zip(sums, bounds, strict=True))


def _signs(member: Member, moment: int) -> Iterator[float]:
    """Of each contribution that runs on at a moment, whether it falls (above 0) or rises."""
    for term in member.terms:
        if term.rate and term.since <= moment and (term.until is None or term.until > moment):
            yield term.points


def _reach(term: Term, start: int, end: int) -> tuple[float, float]:
    """Two values between which, or 0, a term lies that begins or ends in an interval."""
    begin = max(term.since, start)
    if begin > end or (term.until is not None and term.until <= begin):
        return 0.0, 0.0
    return 0.0, term.at(begin)
