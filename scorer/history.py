"""A lead's history: its score at any moment, its tier changes and what each event gave, from its events."""

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from scorer.errors import EventError
from scorer.event import Event, decode
from scorer.evidence import Evidence
from scorer.plan import Plan
from scorer.profile import LEAST, Standing, standing
from scorer.retraction import counted_as, counts, void_ids
from scorer.term import Term
from scorer.times import format_time
from scorer.walk import NOWHERE, Change, Course, Walker


@dataclass(frozen=True, slots=True)
class Gain:
    """What an event gave to a criterion: points at the time, and what is left at the history's end.

    Of a repetition nothing is left once that has ended, of an absence's end once another has begun.
    """

    criterion: str
    then: float
    now: float


@dataclass(frozen=True, slots=True)
class Entry:
    """An event of the history: its place among those given, its moment (microseconds) and its gains."""

    index: int
    moment: int
    event: Event
    gains: tuple[Gain, ...]


@dataclass(slots=True)
class History:
    """The walk of one lead through its events, up to and with `at` (microseconds)."""

    plan: Plan
    at: int
    entries: list[Entry] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)
    """The tier changes, oldest first: at, score, from, to, and the criterion that did most of it."""
    tier: str = NOWHERE
    _moments: list[int] = field(default_factory=list)
    _terms: list[list[Term]] = field(default_factory=list)

    def standing(self, moment: int) -> Standing:
        """What the lead stood at, or will stand at if nothing more happens."""
        position = bisect_right(self._moments, moment) - 1
        return standing(self._terms[position] if position >= 0 else [], self.plan, moment)

    def score(self, moment: int) -> float:
        """The total at a moment."""
        return self.standing(moment).total

    def steps(self, start: int, end: int) -> list[int]:
        """The moments in (start, end] at which the score may jump: events, ends of repeats, absences."""
        found = {moment for moment in self._moments if start < moment <= end}
        for position, terms in enumerate(self._terms):
            last = position + 1 == len(self._terms)
            until = end if last else min(self._moments[position + 1], end)
            jumps = {jump for term in terms for jump in (term.since, term.until) if jump is not None}
            found |= {jump for jump in jumps if max(start, self._moments[position]) < jump <= until}
        return sorted(found)

    def lowest(self, start: int, end: int) -> float:
        """The lowest that the score was from one moment to another, both included."""
        steps = self.steps(start, end)
        return min(self.curve([start, end, *steps, *(step - 1 for step in steps)]))

    def curve(self, moments: Iterable[int]) -> list[float]:
        """The score at each of some moments."""
        return [self.score(moment) for moment in moments]


def replay(plan: Plan, events: Sequence[bytes], at: int) -> History:
    """Walks the events of one lead, with their ids and times filled in, in order of their times.

    Copies (by id) count once; what can't be read is left out; one without a time happened at `at`.
    """
    history = History(plan, at)
    steps = []
    walker = Walker(plan, Evidence(), Course())
    after: dict[str, float] = {}
    for index, moment, event in _in_order(events, at):
        _take(history, walker, walker.pass_time(moment - 1), after)
        before = walker.standing(moment).contributions
        walker.evidence.add(event, moment, plan)
        if event.type == "identify":
            walker.regate()
        _take(history, walker, walker.decide(moment), before)
        terms = walker.terms(moment)
        after = standing(terms, plan, moment).contributions
        steps.append((index, moment, event, before, after))
        history._moments.append(moment)
        history._terms.append(terms)
    _take(history, walker, walker.pass_time(at), after)
    last = history.standing(at).contributions
    for index, moment, event, before, after in steps:
        gains = tuple(_gains(before, after, last, plan, at - moment))
        history.entries.append(Entry(index, moment, event, gains))
    history.tier = walker.course.tier
    return history


def _in_order(events: Iterable[bytes], at: int) -> list[tuple[int, int, Event]]:
    found = []
    seen: set[str] = set()
    for index, value in enumerate(events):
        try:
            event = decode(value)
        except EventError:
            continue
        moment = at if event.moment is None else event.moment
        event_id = counted_as(event, (index,))
        if moment <= at and event_id not in seen:
            seen.add(event_id)
            found.append((moment, event_id, index, event))
    void = void_ids(event for _, _, _, event in found)
    found = [each for each in found if counts(each[3], each[1], void)]
    return [(index, moment, event) for moment, _, index, event in sorted(found, key=lambda each: each[:3])]


def _take(history: History, walker: Walker, changes: Iterable[Change], before: dict[str, float]) -> None:
    for change in changes:
        if change.play is None:
            stood = walker.standing(change.at)
            history.changes.append(
                {
                    "at": format_time(change.at),
                    "score": stood.total,
                    "from": change.from_,
                    "to": change.to,
                    "criterion": _mover(
                        before, stood.contributions, rises=stood.total > sum(before.values())
                    ),
                }
            )


def _mover(before: dict[str, float], after: dict[str, float], *, rises: bool) -> str | None:
    """The criterion that moved most in the direction of a change."""
    moved = {name: after.get(name, 0.0) - before.get(name, 0.0) for name in {*before, *after}}
    if not moved:
        return None
    name = (max if rises else min)(sorted(moved), key=lambda each: moved[each])
    return name if abs(moved[name]) >= LEAST else None


def _gains(
    before: dict[str, float], after: dict[str, float], last: dict[str, float], plan: Plan, age: int
) -> Iterable[Gain]:
    for rule in plan.rules:
        gained = after.get(rule.id, 0.0) - before.get(rule.id, 0.0)
        if abs(gained) >= LEAST:
            undone = rule.kind == ("absent" if rule.id in last else "repeat")
            yield Gain(rule.id, gained, 0.0 if undone else gained * math.exp2(-age * rule.rate))
