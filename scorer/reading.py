"""Reading a score record of the topic at another moment than it was written at."""

import math
from typing import Any

from scorer.plan import Plan
from scorer.profile import standing
from scorer.record import next_tier
from scorer.term import Term
from scorer.times import SECOND, format_time, parse_time


class Reader:
    """Fades score records, as their own `fading` and `pending` say, within the bounds of a grid."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._rules = {rule.id: rule for rule in plan.rules}

    def terms(self, record: dict[str, Any]) -> list[Term]:
        """The record's contributions from its `as_of` on, but for criteria that the grid does not know."""
        since = parse_time(record["as_of"])
        found = []
        fading = {entry[0] for entry in record["fading"]}
        for name, points in record["contributions"].items():
            if name in self._rules and name not in fading:
                found.append(self._term(name, points, None, since, None, bounded=True))
        for name, points, half_life_s, as_of, until in record["fading"]:
            if name in self._rules:
                end = None if until is None else parse_time(until)
                found.append(self._term(name, points, half_life_s, parse_time(as_of), end, bounded=False))
        for name, points, start in record["pending"]:
            if name in self._rules:
                found.append(self._term(name, points, None, parse_time(start), None, bounded=True))
        return found

    def _term(
        self,
        name: str,
        points: float,
        half_life_s: float | None,
        since: int,
        until: int | None,
        *,
        bounded: bool,
    ) -> Term:
        rule = self._rules[name]
        rate = 0.0 if half_life_s is None else 1 / (half_life_s * SECOND)
        return Term(
            rule.index, name, rule.dimension, points, rate, None if bounded else rule.cap, since, until
        )

    def at(self, record: dict[str, Any], moment: int) -> dict[str, Any]:
        """The record at a moment (microseconds): faded, `next_tier` instead of `fading` and `pending`.

        Never before the record's own `as_of`.
        """
        moment = max(moment, parse_time(record["as_of"]))
        found = self.terms(record)
        stood = standing(found, self._plan, moment)
        out = {name: value for name, value in record.items() if name not in ("fading", "pending")}
        out["score"] = stood.total
        out["scores"] = dict(zip(self._plan.dimensions, stood.dimensions, strict=True))
        out["contributions"] = stood.contributions
        out["as_of"] = format_time(moment)
        known = record["tier"] in self._plan.tier_index
        out["next_tier"] = next_tier(found, self._plan, record["tier"], moment) if known else None
        return out

    def score(self, record: dict[str, Any], moment: int) -> float:
        """The total at a moment."""
        moment = max(moment, parse_time(record["as_of"]))
        return standing(self.terms(record), self._plan, moment).total

    def upper_bound(self, record: dict[str, Any]) -> float:
        """What the total can't pass from the record's `as_of` on, if nothing more happens."""
        sums = [0.0] * len(self._plan.dimensions)
        for term in self.terms(record):
            if term.points > 0:
                sums[term.dimension] += term.points if term.cap is None else min(term.points, term.cap)
            elif not term.rate and term.until is None and term.since <= parse_time(record["as_of"]):
                sums[term.dimension] += term.points
        bounded = zip(sums, self._plan.bounds, strict=True)
        total = sum(min(max(value, low), high) for value, (low, high) in bounded)
        return total if math.isfinite(total) else math.inf
