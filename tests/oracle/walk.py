"""The walk of a lead's tier: after every event, and at every crossing found by searching time, naively."""

from dataclasses import dataclass, field
from typing import Any

from tests.oracle.lines import SECOND, Happening
from tests.oracle.points import Points

CLOSE = 1e-9  # a bound holds from here below it
RESOLUTION = SECOND // 10  # time is halved down to this where a change cannot be ruled out
TEN_YEARS = 3_652 * 86_400 * SECOND

Span = tuple[float, float]  # the least and the most that a value can be in an interval


@dataclass(eq=False)
class Walker:
    """One lead: what is known of it, its tier, and the moment it was last decided at."""

    points: Points
    moment: int
    events: list[Happening] = field(default_factory=list)
    tier: int = 0
    since: int = 0
    steps: list[tuple[int, int, int, bool]] = field(default_factory=list)  # at, from, to, by time alone

    def __post_init__(self) -> None:
        self.since = self.moment

    def advance(self, until: int) -> None:
        """Walk every change by time alone after the last moment, up to and including `until`."""
        if not self.events:  # a walk begins with the lead's first event
            return
        while (change := self.next_change(until)) is not None:
            self.decide(change, by_time=True)
        self.moment = max(self.moment, until)

    def happen(self, happening: Happening, arrival: int = 0) -> None:
        """Take in one event at its moment or arrival (never before the last one) and decide anew."""
        moment = max(self.moment, happening.time, arrival)
        self.advance(moment - 1)
        self.moment = moment
        self.events.append(happening)
        self.decide(moment)

    def decide(self, moment: int, by_time: bool = False) -> None:
        """Take the step that the evidence of a moment makes, if any."""
        tier = self.tier_of(self.spans(moment, moment))
        if tier is not None and tier != self.tier:
            self.steps.append((moment, self.tier, tier, by_time))
            self.tier, self.since = tier, moment
        self.moment = moment

    def next_change(self, until: int) -> int | None:
        """The first moment after the last one, up to `until`, at which the tier would be another."""
        jumps = sorted(jump for jump in self.points.jumps(self.events) if self.moment < jump <= until)
        starts = [self.moment, *jumps]
        ends = [*(jump - 1 for jump in jumps), until]
        for start, end in zip(starts, ends, strict=True):
            if end < start:
                continue
            if self.differs(start):
                return start
            found = self._search(start, end)
            if found is not None:
                return found
        return None

    def differs(self, moment: int) -> bool:
        """Whether anything is otherwise at a moment."""
        return not self.settled(self.spans(moment, moment))

    def settled(self, spans: tuple[Span, dict[str, Span]]) -> bool | None:
        """Whether all is as it is, or None where the spans leave it open."""
        tier = self.tier_of(spans)
        return None if tier is None else tier == self.tier

    def meet(self, gone: "Walker", moment: int) -> None:
        """Take in what another remembers, who becomes this one at a moment; events and tier are not meant."""

    def _search(self, start: int, end: int) -> int | None:
        """The first change in a stretch without jumps, by halving it wherever one cannot be ruled out."""
        if self.settled(self.spans(start, end)):
            return None
        if end - start > RESOLUTION:
            middle = (start + end) // 2
            found = self._search(start, middle)
            return found if found is not None else self._search(middle, end)
        if not self.differs(end):
            return None
        while end - start > 1:
            middle = (start + end) // 2
            start, end = (start, middle) if self.differs(middle) else (middle, end)
        return end

    def spans(self, start: int, end: int) -> tuple[Span, dict[str, Span]]:
        """What the total and the dimensions can be between two moments.

        With no jump in between, every contribution goes one way only, so its two ends bound it; sums and
        clamps keep bounds.
        """
        first = self.points.contributions(self.events, start)
        last = first if start == end else self.points.contributions(self.events, end)
        least = self.points.dimensions({name: min(first[name], last[name]) for name in first})
        most = self.points.dimensions({name: max(first[name], last[name]) for name in first})
        return (sum(least.values()), sum(most.values())), {name: (least[name], most[name]) for name in least}

    def tier_of(self, spans: tuple[Span, dict[str, Span]]) -> int | None:
        """The tier from the present one, or None where the spans leave it open."""
        total, dimensions = spans
        tiers = self.points.grid["tiers"]
        for index in range(len(tiers) - 1, 0, -1):
            lowered = CLOSE + (self.points.grid.get("hysteresis", 0) if index <= self.tier else 0)
            tests = [(total, tiers[index]["from"] - lowered)] if "from" in tiers[index] else []
            tests += [(dimensions[name], bound - lowered) for name, bound in requires(tiers[index]).items()]
            if all(least >= bound for (least, _), bound in tests):
                return index
            if all(most >= bound for (_, most), bound in tests):
                return None
        return 0


def requires(tier: dict[str, Any]) -> dict[str, float]:
    """The bounds of single dimensions."""
    return dict(tier.get("requires", {}))
