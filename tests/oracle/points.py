"""A lead's points at a moment, recomputed from all of its events, naively."""

import json
import math
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.oracle.conditions import holds, is_number, of_event, of_lead
from tests.oracle.lines import EPOCH, SECOND, Happening, duration

NO_ACTIVITY = {
    *("identify", "alias", "outcome", "nps"),
    *("email_delivered", "email_bounce", "email_complaint", "email_allowed"),
}


class Points:
    """The grid's formulas; remembers only which event matches which criterion."""

    def __init__(self, grid: dict[str, Any]) -> None:
        self.grid = grid
        self.zone = ZoneInfo(grid.get("timezone", "UTC"))
        self._matches: dict[tuple[str, int], tuple[Happening, bool]] = {}

    def contributions(self, events: Sequence[Happening], at: int) -> dict[str, float]:
        """Every criterion's points at `at`, from the events up to then."""
        events = [event for event in events if event.time <= at]
        lead = of_lead(traits(events))
        given = {}
        for criterion in self.grid["criteria"]:
            gate = holds(criterion.get("lead", {}), lead)
            given[criterion["id"]] = self._points(criterion, events, at) if gate else 0.0
        return given

    def _points(self, criterion: dict[str, Any], events: list[Happening], at: int) -> float:
        points = criterion["points"]
        matching = [event for event in events if self.matches(criterion, event)]
        if "absent" in criterion:
            return float(points) if self.is_absent(criterion, matching, at) else 0.0
        if "repeat" in criterion:
            if not self.is_repeated(criterion, matching, at):
                return 0.0
            return float(points * self._decay(criterion, at - max(event.time for event in matching)))
        if "event" not in criterion:
            return float(points)
        total = sum(
            points * amount(criterion, event) * self._decay(criterion, at - event.time) for event in matching
        )
        bound = criterion.get("max", math.copysign(math.inf, points))
        return float(min(max(total, 0.0), bound) if points > 0 else max(min(total, 0.0), bound))

    def matches(self, criterion: dict[str, Any], event: Happening) -> bool:
        """Whether an event is one that the criterion asks for."""
        key = criterion["id"], id(event)
        if key not in self._matches:
            # keeps the event, so that its id() stays its own
            self._matches[key] = event, self._asks_for(criterion, event)
        return self._matches[key][1]

    def _asks_for(self, criterion: dict[str, Any], event: Happening) -> bool:
        if "event" not in criterion:
            return event.type not in NO_ACTIVITY
        types = criterion["event"]
        if event.type not in (types if isinstance(types, list) else [types]):
            return False
        return holds(criterion.get("where", {}), of_event(event))

    def is_absent(self, criterion: dict[str, Any], matching: list[Happening], at: int) -> bool:
        silence = duration(criterion["absent"]["for"]) * SECOND
        return bool(matching) and at - max(event.time for event in matching) >= silence

    def is_repeated(self, criterion: dict[str, Any], matching: list[Happening], at: int) -> bool:
        rule = criterion["repeat"]
        inside = [event for event in matching if at - duration(rule["within"]) * SECOND < event.time]
        if rule.get("distinct", "event") == "day":
            return bool(len({self._day(event.time) for event in inside}) >= rule["at_least"])
        return bool(len(inside) >= rule["at_least"])

    def _day(self, moment: int) -> str:
        return (EPOCH + timedelta(microseconds=moment)).astimezone(self.zone).date().isoformat()

    def _decay(self, criterion: dict[str, Any], age: int) -> float:
        half_life = criterion.get("half_life", self.grid.get("half_life", "never"))
        return 1.0 if half_life == "never" else float(2.0 ** (-age / SECOND / duration(half_life)))

    def jumps(self, events: Sequence[Happening]) -> set[int]:
        """The instants at which a repetition may end or an absence begin."""
        found = set()
        for criterion in self.grid["criteria"]:
            rule = criterion.get("repeat") or criterion.get("absent")
            if rule:
                span = round(duration(rule.get("within") or rule["for"]) * SECOND)
                found |= {event.time + span for event in events if self.matches(criterion, event)}
        return found

    def dimensions(self, contributions: dict[str, float]) -> dict[str, float]:
        """The clamped sum of every dimension."""
        sums = dict.fromkeys(self.grid["scores"], 0.0)
        for criterion in self.grid["criteria"]:
            sums[criterion["score"]] += contributions[criterion["id"]]
        bounds = self.grid["scores"]
        return {
            name: min(max(value, bounds[name]["min"]), bounds[name]["max"]) for name, value in sums.items()
        }


def amount(criterion: dict[str, Any], event: Happening) -> float:
    """1, or the `per` field in its unit."""
    if "per" not in criterion:
        return 1.0
    ((name, unit),) = criterion["per"].items()
    value = event.properties.get(name)
    if not is_number(value) or not math.isfinite(value) or value < 0:
        return 0.0
    return float(value / unit)


def traits(events: Sequence[Happening]) -> dict[str, Any]:
    """Per trait the last write by time; at one time the one whose JSON text is greater; null removes."""
    newest: dict[str, tuple[int, bytes, Any]] = {}
    for event in events:
        for name, value in event.traits.items():
            text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
            write = event.time, text, value
            if name not in newest or newest[name][:2] < write[:2]:
                newest[name] = write
    return {name: value for name, (_, _, value) in newest.items() if value is not None}
