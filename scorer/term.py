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
        if moment < self.since or (self.until is not None and moment >= self.until):
            return 0.0
        value = self.points
        if self.rate and moment != self.since:
            value *= 2.0 ** ((self.since - moment) * self.rate)
        if self.cap is None:
            return value
        return min(value, self.cap) if self.points > 0 else max(value, self.cap)
