"""The profile: how a lead's contributions will run from a moment on if nothing more happens."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Final

import msgspec

from scorer.evidence import Evidence
from scorer.plan import Plan, Rule
from scorer.term import Term

LEAST: Final = 1e-9
"""Contributions below this are none."""


class Standing(msgspec.Struct, frozen=True):
    """What a lead stands at: each dimension, their sum, and the contributions to them by criterion."""

    dimensions: tuple[float, ...]
    total: float
    contributions: dict[str, float]


def terms(evidence: Evidence, mask: int, plan: Plan, moment: int) -> list[Term]:
    """The contributions from a moment on, not before the newest evidence, with the mask of gates."""
    rules = plan.rules_behind(mask)
    found = list(rules.explicit)
    for slot, total in evidence.sums.items():
        for rule in rules.by_slot.get(slot, ()):
            rate = rule.rate
            points = rule.points * total * 2.0 ** ((evidence.landmark - moment) * rate)
            if points:
                found.append(Term(rule.index, rule.id, rule.dimension, points, rate, rule.cap, moment, None))
    for slot, times in evidence.times.items():
        for rule in rules.by_slot.get(slot, ()):
            term = (_repeat if rule.kind == "repeat" else _absent)(rule, times, plan, moment)
            if term is not None:
                found.append(term)
    found.sort(key=_in_grid)
    return found


_in_grid: Final = attrgetter("rule")


def _repeat(rule: Rule, times: list[int], plan: Plan, moment: int) -> Term | None:
    if len(times) < rule.at_least:
        return None
    until = times[-rule.at_least] + rule.within
    if moment >= until:
        return None
    rate = rule.rate
    points = rule.points * 2.0 ** ((times[-1] - moment) * rate)
    if not points:
        return None
    return Term(rule.index, rule.id, rule.dimension, points, rate, rule.cap, moment, until)


def _absent(rule: Rule, times: list[int], plan: Plan, moment: int) -> Term:
    since = max(times[-1] + rule.absent, moment)
    return Term(rule.index, rule.id, rule.dimension, rule.points, 0.0, None, since, None)


def values(found: Sequence[Term], plan: Plan, moment: int) -> list[float]:
    """The dimensions, each within its bounds, at a moment; their sum is the total."""
    sums = [0.0] * len(plan.dimensions)
    for term in found:
        sums[term.dimension] += term.at(moment)
    return [
        low if value < low else high if value > high else value
        for value, (low, high) in zip(sums, plan.bounds, strict=True)
    ]


def standing(found: Sequence[Term], plan: Plan, moment: float) -> Standing:
    """The dimensions, each within its bounds, and the total at a moment."""
    sums = [0.0] * len(plan.dimensions)
    contributions = {}
    for term in found:
        # Most run from this very moment on: what `at` says of those, without the call.
        value = term.points if term.since == moment and term.cap is None else term.at(moment)
        if value:
            sums[term.dimension] += value
            if value >= LEAST or value <= -LEAST:
                contributions[term.id] = value
    dimensions = tuple(
        low if value < low else high if value > high else value
        for value, (low, high) in zip(sums, plan.bounds, strict=True)
    )
    return Standing(dimensions, sum(dimensions), contributions)
