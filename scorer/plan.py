"""The plan: a grid compiled for scoring, with the evidence slots that its criteria share."""

import json
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from scorer.event import RETRACT, Event
from scorer.grid import Criterion, Grid
from scorer.grid_model import Kind, Play
from scorer.latch import Level, answering, latches
from scorer.slots import DOUBTFUL, Matcher, Slot, SlotKind, fields_asked
from scorer.term import Term
from scorer.times import NEVER

_MICROS: Final = 1_000_000
_MAY_LOWER: Final = frozenset({"identify", RETRACT})
_MOST_MASKS: Final = 10_000
_SPARE: Final[dict[SlotKind, int]] = {"newest": 16, "days": 4, "last": 4}
"""Of doubtful events: single ones, which come by the dozen, days, and minutes."""
_QUARTER_S: Final = 900
_QUARTER: Final = _QUARTER_S * _MICROS
_QUARTERS_FROM: Final = 15_340 * 86_400 * _MICROS
"""2012: days begin on a quarter of an hour everywhere since Newfoundland gave up changing clocks at 00:01."""


class Rule(msgspec.Struct, frozen=True, gc=False):
    """A criterion as it is evaluated; times in microseconds."""

    index: int
    id: str
    kind: Kind
    dimension: int
    points: float
    gate: int
    """Bit of its `lead` condition in the mask of gates, 0 for none."""
    slot: int
    rate: float
    """Halvings in a microsecond; 0 where it never fades."""
    cap: float | None
    at_least: int
    within: int
    absent: int


class Rules(msgspec.Struct, frozen=True, gc=False):
    """What counts for a lead by the gates that hold: what just holds, the rules by the slot they read."""

    explicit: tuple[Term, ...]
    by_slot: dict[int, tuple[Rule, ...]]


@dataclass(frozen=True)
class Bound:
    """When a tier holds: the least total, the least of some dimensions (by position)."""

    id: str
    total: float
    requires: tuple[tuple[int, float], ...]


class Plan:
    """Everything of a grid that scoring needs, worked out once."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.fingerprint = _hash(json.dumps(grid.source, sort_keys=True, default=str))
        self.dimensions = tuple(grid.scores)
        self.bounds = tuple((dimension.min, dimension.max) for dimension in grid.scores.values())
        """The least and the greatest value of each dimension."""
        half_lives = sorted({criterion.half_life_s for criterion in grid.criteria} | {math.inf})
        self.half_lives = {
            _rate(half_life): None if half_life == math.inf else half_life for half_life in half_lives
        }
        """In seconds, by rate; None for what never fades."""
        self.fastest = max(self.half_lives)
        self._gates = _gates(grid)
        self.slots: dict[int, Slot] = {}
        self.rules = tuple(self._rule(index, criterion) for index, criterion in enumerate(grid.criteria))
        self.latches = latches(grid.plays, self.dimensions, grid.criteria, grid.hysteresis)
        self.levels = tuple(latch for latch in self.latches if latch.kind == "level")
        self.gains = tuple(latch for latch in self.latches if latch.kind == "gain")
        self.turns = tuple((latch, self.rules[latch.rule]) for latch in self.latches if latch.kind == "holds")
        self.parts = tuple(sorted({latch.slice for latch in self.gains}))
        """What time is divided into for the lows of the total."""
        self.answers = self._answers()
        """By slot: the plays that each of its matches sets off, with the rule that counts it."""
        for slot in self.slots.values():
            raises, lowers = self._raises(slot.id), self._lowers(slot.id)
            self.slots[slot.id] = msgspec.structs.replace(slot, raises=raises, lowers=lowers)
        self.tiers = tuple(
            Bound(
                tier.id,
                -math.inf if tier.from_ is None else tier.from_,
                tuple((self.dimensions.index(name), least) for name, least in tier.requires.items()),
            )
            for tier in grid.tiers
        )
        self.tier_index = {tier.id: index for index, tier in enumerate(grid.tiers)}
        self.stays = {
            tier.id: tuple(play for play in grid.plays if play.when == "stays" and play.tier == tier.id)
            for tier in grid.tiers
        }
        self.labels = {criterion.id: dict(criterion.label) for criterion in grid.criteria}
        """What people read for each criterion, by language."""
        self._behind: dict[int, Rules] = {}
        self._nobody = self._gates_of({})
        self.matches = Matcher(self.slots.values()).matches
        """The slots that an event adds evidence to."""

    def _rule(self, index: int, criterion: Criterion) -> Rule:
        slot = 0 if criterion.kind == "explicit" else self._slot(criterion)
        repeat = criterion.repeat
        return Rule(
            index=index,
            id=criterion.id,
            kind=criterion.kind,
            dimension=self.dimensions.index(criterion.score),
            points=criterion.points / (criterion.per[1] if criterion.per else 1.0),
            gate=1 << list(self._gates).index(criterion.lead_key) if criterion.lead_key else 0,
            slot=slot,
            rate=_rate(criterion.half_life_s),
            cap=criterion.max,
            at_least=repeat.at_least if repeat else 1,
            within=repeat.within_us if repeat else 0,
            absent=criterion.absent_us or 0,
        )

    def _slot(self, criterion: Criterion) -> int:
        repeat = criterion.repeat
        kind: SlotKind = "sum" if criterion.kind == "behaviour" else "last"
        if repeat:
            kind = "days" if repeat.distinct == "day" else "newest"
        content = (
            criterion.kind,
            None if criterion.events is None else sorted(criterion.events),
            criterion.where_key,
            criterion.per[0] if criterion.per else None,
            str(criterion.half_life_s),
            (repeat.at_least, repeat.within_us, repeat.distinct) if repeat else None,
            self.grid.timezone.key if kind == "days" else None,
        )
        slot_id = _hash(json.dumps(content, ensure_ascii=False))
        doubtful = kind != "sum" and (criterion.events is None or not DOUBTFUL.isdisjoint(criterion.events))
        slot = self.slots[slot_id] = Slot(
            id=slot_id,
            kind=kind,
            events=criterion.events,
            where=criterion.where,
            asks=fields_asked(criterion.where_key),
            rate=_rate(criterion.half_life_s),
            field=criterion.per[0] if criterion.per else None,
            keep=repeat.at_least if repeat else 1,
            spare=_SPARE[kind] if doubtful else 0,
            behind=_hash(json.dumps([slot_id])) if doubtful and kind == "days" else 0,
        )
        if slot.behind:
            self.slots[slot.behind] = msgspec.structs.replace(
                slot, id=slot.behind, kind="newest", spare=_SPARE["newest"], behind=0
            )
        return slot_id

    def gates(self, traits: Mapping[str, Any]) -> int:
        """The mask of the `lead` conditions that hold for a person."""
        return self._gates_of(traits) if traits else self._nobody

    def _gates_of(self, traits: Mapping[str, Any]) -> int:
        return sum(1 << position for position, holds in enumerate(self._gates.values()) if holds(traits))

    def rules_behind(self, mask: int) -> Rules:
        """The rules that count for a lead with this mask of gates."""
        rules = self._behind.get(mask)
        if rules is None:
            if len(self._behind) >= _MOST_MASKS:
                self._behind.clear()
            rules = self._behind[mask] = self._rules_behind(mask)
        return rules

    def _rules_behind(self, mask: int) -> Rules:
        open_ = [rule for rule in self.rules if not rule.gate or mask & rule.gate]
        by_slot: dict[int, tuple[Rule, ...]] = {}
        for rule in open_:
            if rule.slot:
                by_slot[rule.slot] = (*by_slot.get(rule.slot, ()), rule)
        explicit = (
            Term(rule.index, rule.id, rule.dimension, rule.points, 0.0, None, NEVER, None)
            for rule in open_
            if not rule.slot
        )
        return Rules(tuple(explicit), by_slot)

    def _raises(self, slot: int) -> float:
        """The most that a match of a slot can add; the end of an absence is counted already."""
        if any(rule.slot == slot for _, rule in self.turns):
            return math.inf
        rules = (rule for rule in self.rules if rule.slot == slot and rule.kind != "absent")
        return sum(max(rule.points, 0.0) for rule in rules)

    def _lowers(self, slot: int) -> bool:
        """Whether a match may take points; it ends an absence that may have given some, too."""
        return any(
            rule.points > 0 if rule.kind == "absent" else rule.points < 0
            for rule in self.rules
            if rule.slot == slot
        )

    def _answers(self) -> dict[int, tuple[tuple[Play, Rule], ...]]:
        by_behaviour = answering(self.grid.plays, self.grid.criteria)
        found: dict[int, tuple[tuple[Play, Rule], ...]] = {}
        for rule in self.rules:
            for play in by_behaviour.get(rule.id, ()):
                found[rule.slot] = (*found.get(rule.slot, ()), (play, rule))
        return found

    def may_lower(self, event: Event) -> bool:
        """Whether an event may take points away, as far as that is known before it is added."""
        if event.type in _MAY_LOWER:
            return True
        return any(slot.lowers or slot.raises == math.inf for slot in self.matches(event))

    def levels_of(self, up: Collection[str]) -> list[Level]:
        """The bounds at which latches turn next, those of the plays `up` being up."""
        return [
            Level(latch.at, latch.low, up=True)
            if latch.play.id in up
            else Level(latch.at, latch.high, up=False)
            for latch in self.levels
        ]

    def emptied(self, known: frozenset[int]) -> list[str]:
        """The criteria whose evidence starts empty, for a state that was kept for other slots."""
        return [rule.id for rule in self.rules if rule.slot and rule.slot not in known]


def _rate(half_life_s: float) -> float:
    """Halvings in a microsecond."""
    return 1 / (half_life_s * _MICROS)


def same_quarter(one: int, other: int) -> bool:
    """Whether two moments lie in one quarter of an hour, and so on one day in any timezone."""
    return one // _QUARTER == other // _QUARTER and one >= _QUARTERS_FROM


def day_of(moment: int, timezone: ZoneInfo) -> date:
    """The calendar day of a moment in a timezone.

    >>> day_of(1_770_000_000_000_000, ZoneInfo("Europe/Paris")).isoformat()
    '2026-02-02'
    """
    exact = moment < _QUARTERS_FROM
    return _day_at(moment // _MICROS if exact else moment // _QUARTER * _QUARTER_S, timezone)


@lru_cache(maxsize=16_384)
def _day_at(second: int, timezone: ZoneInfo) -> date:
    try:
        return datetime.fromtimestamp(second, timezone).date()
    except (ValueError, OverflowError):  # the first and last day of the calendar, in another timezone
        return date.min if second < 0 else date.max


def _gates(grid: Grid) -> dict[str, Callable[[Mapping[str, Any]], bool]]:
    return {criterion.lead_key: criterion.lead for criterion in grid.criteria if criterion.lead is not None}


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) >> 1
