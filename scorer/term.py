"""The term: one criterion's contribution to a score, as it will run if nothing more happens."""

import msgspec


class Term(msgspec.Struct, frozen=True, gc=False):
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
        since, value, cap = self.since, self.points, self.cap
        if moment < since or (self.until is not None and moment >= self.until):
            return 0.0
        if moment != since and self.rate:
            value *= 2.0 ** ((since - moment) * self.rate)
        if cap is None:
            return value
        return min(value, cap) if self.points > 0 else max(value, cap)
