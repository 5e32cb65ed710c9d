"""The profile: how a lead's contributions will run from a moment on if nothing more happens."""

from dataclasses import dataclass
from typing import Final

from scorer.evidence import Evidence
from scorer.plan import Plan, Rule

LEAST: Final = 1e-9
"""Contributions below this are none."""


@dataclass(frozen=True, slots=True)
class Term:
    """One criterion's contribution from `since` (microseconds) on, until `until` where it ends.

    `points` is its value at `since`, before the bound `cap`; `rate` its halvings in a microsecond.
    """

    rule: int
    id: str
    dimension: int
    points: float
    rate: float
    cap: float | None
    since: int
    until: int | None

    def at(self, moment: float) -> float:
        """The bounded contribution at a moment."""
        if moment < self.since or (self.until is not None and moment >= self.until):
            return 0.0
        value = self.points * 2.0 ** ((self.since - moment) * self.rate) if self.rate else self.points
        if self.cap is None:
            return value
        return min(value, self.cap) if self.points > 0 else max(value, self.cap)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a lead stands at: each dimension, their sum, and the contributions to them by criterion."""

    dimensions: tuple[float, ...]
    total: float
    contributions: dict[str, float]


def terms(evidence: Evidence, mask: int, plan: Plan, moment: int) -> list[Term]:
    """The contributions from a moment on, not before the newest evidence, with the mask of gates."""
    found = []
    for rule in plan.rules:
        if rule.gate and not mask & rule.gate:
            continue
        term = _TERMS[rule.kind](rule, evidence, plan, moment)
        if term is not None:
            found.append(term)
    return found


def _explicit(rule: Rule, evidence: Evidence, plan: Plan, moment: int) -> Term:
    return Term(rule.index, rule.id, rule.dimension, rule.points, 0.0, None, moment, None)


def _behaviour(rule: Rule, evidence: Evidence, plan: Plan, moment: int) -> Term | None:
    total = evidence.sums.get(rule.slot, 0.0)
    if not total:
        return None
    rate = plan.rates[rule.rate]
    points = rule.points * total * 2.0 ** ((evidence.landmark - moment) * rate)
    return Term(rule.index, rule.id, rule.dimension, points, rate, rule.cap, moment, None)


def _repeat(rule: Rule, evidence: Evidence, plan: Plan, moment: int) -> Term | None:
    times = evidence.times.get(rule.slot, [])
    if len(times) < rule.at_least:
        return None
    until = times[-rule.at_least] + rule.within
    if moment >= until:
        return None
    rate = plan.rates[rule.rate]
    points = rule.points * 2.0 ** ((times[-1] - moment) * rate)
    return Term(rule.index, rule.id, rule.dimension, points, rate, rule.cap, moment, until)


def _absent(rule: Rule, evidence: Evidence, plan: Plan, moment: int) -> Term | None:
    times = evidence.times.get(rule.slot)
    if not times:
        return None
    since = max(times[-1] + rule.absent, moment)
    return Term(rule.index, rule.id, rule.dimension, rule.points, 0.0, None, since, None)


_TERMS: Final = {"explicit": _explicit, "behaviour": _behaviour, "repeat": _repeat, "absent": _absent}


def standing(found: list[Term], plan: Plan, moment: float) -> Standing:
    """The dimensions, each within its bounds, and the total at a moment."""
    sums = [0.0] * len(plan.dimensions)
    contributions = {}
    for term in found:
        value = term.at(moment)
        if value:
            sums[term.dimension] += value
            if abs(value) >= LEAST:
                contributions[term.id] = value
    dimensions = tuple(
        min(max(value, low), high) for value, low, high in zip(sums, plan.lows, plan.highs, strict=True)
    )
    return Standing(dimensions, sum(dimensions), contributions)
