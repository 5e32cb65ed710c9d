"""A walk that also watches for plays that ask for more than tiers, naively: it looks at every event."""

from dataclasses import dataclass, field
from typing import Any

from tests.oracle.conditions import holds, of_lead
from tests.oracle.lines import SECOND, Happening, duration
from tests.oracle.plays import Due
from tests.oracle.points import amount, traits
from tests.oracle.stream import Walked
from tests.oracle.walk import CLOSE, Span, Walker

PARTS = 24  # of the window of a gain; the present one is the last

Play = dict[str, Any]


@dataclass(eq=False)
class Watcher(Walker):
    """A lead's walk, and what of the grid's plays of other kinds it set off."""

    up: set[str] = field(default_factory=set)
    lows: dict[str, dict[int, float]] = field(default_factory=dict)  # by play: each part's lowest total
    last: dict[str, int] = field(default_factory=dict)
    raised: list[tuple[int, str, str, bool]] = field(default_factory=list)  # at, play, tier, by time
    before: float | None = None

    def happen(self, happening: Happening, arrival: int = 0) -> None:
        moment = max(self.moment, happening.time, arrival)
        self.advance(moment - 1)
        self.moment = moment
        self.look(moment)
        self.events.append(happening)
        self.decide(moment)
        self.answer(happening)

    def meet(self, gone: Walker, moment: int) -> None:
        assert isinstance(gone, Watcher)
        for each in (self, gone):
            if each.events:
                each.look(moment)
        self.up |= gone.up
        for play, theirs in gone.lows.items():
            own = self.lows.setdefault(play, {})
            if not own:
                own.update(theirs)
                continue
            parts = sorted(set(own) | set(theirs))
            self.lows[play] = {
                part: max(
                    min(low for at, low in lows.items() if at >= part)
                    for lows in (own, theirs)
                    if any(at >= part for at in lows)
                )
                for part in parts
            }
        for play_id, at in gone.last.items():
            self.last[play_id] = max(at, self.last.get(play_id, at))

    def look(self, moment: int) -> None:
        """The total just before something happens."""
        self.before = self.total(moment)
        for play in self.plays("gains"):
            lows = self.lows.setdefault(play["id"], {})
            lows.setdefault(part_of(play, moment), self.before)
            if self.gain(play, moment, self.before) < play["when"]["gains"] - self.hysteresis - CLOSE:
                self.up.discard(play["id"])

    def decide(self, moment: int, by_time: bool = False) -> None:
        super().decide(moment, by_time)
        (total, _), spans = self.spans(moment, moment)
        dimensions = {name: least for name, (least, _) in spans.items()}
        if self.before is not None and total < self.before - CLOSE:
            for play in self.plays("gains"):
                lows, part = self.lows[play["id"]], part_of(play, moment)
                lows[part] = min(lows[part], total)
        self.before = None
        for play in self.points.grid["plays"]:
            when, was = play["when"], play["id"] in self.up
            rises = True
            if "score" in when:
                value, (high, low), rises = self.level(play, total, dimensions)
                now = value >= (low if was else high) - CLOSE
            elif "gains" in when and not by_time:
                gain = self.gain(play, moment, total)
                now = gain >= when["gains"] - (self.hysteresis if was else 0) - CLOSE
            elif "happens" in when and not self.is_behaviour(play):
                now = self.holds(play, moment)
            else:
                continue
            if now != was:
                self.up ^= {play["id"]}
                if now == rises:
                    self.go_off(play, by_time)

    def answer(self, happening: Happening) -> None:
        """The plays that an event sets off by itself."""
        for play in self.plays("happens"):
            criterion = self.criterion(play)
            gate = holds(criterion.get("lead", {}), of_lead(traits(self.events)))
            if (
                self.is_behaviour(play)
                and gate
                and self.points.matches(criterion, happening)
                and amount(criterion, happening) > 0
            ):
                self.go_off(play, by_time=False)

    def go_off(self, play: Play, by_time: bool) -> None:
        cooldown = round(duration(play["cooldown"]) * SECOND) if "cooldown" in play else 0
        last = self.last.get(play["id"])
        if cooldown and last is not None and self.moment - last < cooldown:
            return
        self.last[play["id"]] = self.moment
        tier = self.points.grid["tiers"][self.tier]["id"]
        self.raised.append((self.moment, play["id"], tier, by_time))

    def differs(self, moment: int) -> bool:
        return super().differs(moment) or any(
            self.holds(play, moment) != (play["id"] in self.up)
            for play in self.plays("happens")
            if not self.is_behaviour(play)
        )

    def settled(self, spans: tuple[Span, dict[str, Span]]) -> bool | None:
        said = [super().settled(spans)]
        for play in self.plays("score"):
            (least, most), (high, low), _ = self.level(play, *spans)
            bound = (low if play["id"] in self.up else high) - CLOSE
            met = True if least >= bound else False if most < bound else None
            said.append(None if met is None else met == (play["id"] in self.up))
        return False if False in said else None if None in said else True

    def level(
        self, play: Play, total: Any, dimensions: dict[str, Any]
    ) -> tuple[Any, tuple[float, float], bool]:
        """The value that a play watches, its latch's bounds, and whether it is to rise."""
        score = play["when"]["score"]
        value = dimensions[score["of"]] if "of" in score else total
        if "rises_to" in score:
            return value, (score["rises_to"], score["rises_to"] - self.hysteresis), True
        return value, (score["falls_below"] + self.hysteresis, score["falls_below"]), False

    def gain(self, play: Play, moment: int, total: float) -> float:
        part = part_of(play, moment)
        window = [low for at, low in self.lows[play["id"]].items() if part - PARTS < at <= part]
        return max(total - min(window, default=total), 0.0)

    def holds(self, play: Play, moment: int) -> bool:
        criterion = self.criterion(play)
        events = [event for event in self.events if event.time <= moment]
        if not holds(criterion.get("lead", {}), of_lead(traits(events))):
            return False
        matching = [event for event in events if self.points.matches(criterion, event)]
        if "absent" in criterion:
            return self.points.is_absent(criterion, matching, moment)
        if "repeat" in criterion:
            return self.points.is_repeated(criterion, matching, moment)
        return True

    def total(self, moment: int) -> float:
        return self.spans(moment, moment)[0][0]

    def plays(self, kind: str) -> list[Play]:
        return [play for play in self.points.grid["plays"] if kind in play["when"]]

    def criterion(self, play: Play) -> dict[str, Any]:
        wanted = play["when"]["happens"]
        return next(one for one in self.points.grid["criteria"] if one["id"] == wanted)

    def is_behaviour(self, play: Play) -> bool:
        criterion = self.criterion(play)
        return "event" in criterion and "repeat" not in criterion and "absent" not in criterion

    @property
    def hysteresis(self) -> float:
        return float(self.points.grid.get("hysteresis", 0))


def part_of(play: Play, moment: int) -> int:
    """The number of the part of time that a moment lies in."""
    return moment // (round(duration(play["when"]["within"]) * SECOND) // PARTS)


def naive_alerts(walked: Walked) -> list[Due]:
    """What plays of other kinds than tiers were set off, by everybody."""
    found = []
    for lead, walker in [*walked.gone, *walked.walkers.items()]:
        assert isinstance(walker, Watcher)
        found += [Due(lead, at, play, tier, by_time) for at, play, tier, by_time in walker.raised]
    return sorted(found)
