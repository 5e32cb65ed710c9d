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
    by_slot = rules.by_slot
    found = list(rules.explicit)
    for slot, total in evidence.sums.items():
        reading = by_slot.get(slot)
        if reading:
            rate = reading[0].rate
            decay = 2.0 ** ((evidence.landmark - moment) * rate)
            for rule in reading:
                points = rule.points * total * decay
                if points:
                    term = Term(rule.index, rule.id, rule.dimension, points, rate, rule.cap, moment, None)
                    found.append(term)
    for slot, times in evidence.times.items():
        reading = by_slot.get(slot)
        if reading:
            found += (_repeats if reading[0].kind == "repeat" else _absences)(reading, times, moment)
    found.sort(key=_in_grid)
    return found


_in_grid: Final = attrgetter("rule")


def _repeats(reading: Sequence[Rule], times: list[int], moment: int) -> list[Term]:
    """Of rules that read one slot: how often, within what, and the half-life are the slot's."""
    any_ = reading[0]
    if len(times) < any_.at_least:
        return []
    until = times[-any_.at_least] + any_.within
    if moment >= until:
        return []
    rate = any_.rate
    decay = 2.0 ** ((times[-1] - moment) * rate)
    return [
        Term(rule.index, rule.id, rule.dimension, points, rate, rule.cap, moment, until)
        for rule in reading
        if (points := rule.points * decay)
    ]


def _absences(reading: Sequence[Rule], times: list[int], moment: int) -> list[Term]:
    last = times[-1]
    found = []
    for rule in reading:
        since = last + rule.absent
        if since < moment:
            since = moment
        found.append(Term(rule.index, rule.id, rule.dimension, rule.points, 0.0, None, since, None))
    return found


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
        if term.since > moment:
            continue
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
