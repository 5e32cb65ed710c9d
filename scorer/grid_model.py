"""The grid: what marketing and sales agreed on, as checked values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from zoneinfo import ZoneInfo

from scorer.account_model import AccountPlay, RollUp
from scorer.event import Event
from scorer.hours import Hours

Kind = Literal["explicit", "behaviour", "repeat", "absent"]
TraitsTest = Callable[[Mapping[str, Any]], bool]
EventTest = Callable[[Event], bool]


@dataclass(frozen=True)
class Dimension:
    """Bounds of one of the scores that the total is the sum of."""

    min: float
    max: float


@dataclass(frozen=True)
class Repeat:
    """Holds while `at_least` matches lie in the last `within_us` microseconds."""

    at_least: int
    within_us: int
    distinct: Literal["event", "day"]


@dataclass(frozen=True)
class Criterion:
    """One line of the grid. `half_life_s` in seconds, infinite where nothing fades."""

    id: str
    label: Mapping[str, str]
    score: str
    points: float
    kind: Kind
    events: frozenset[str] | None
    """The types that it matches; None: any activity."""
    where: EventTest | None
    where_key: str
    """Text that is the same for the same `where`."""
    lead: TraitsTest | None
    lead_key: str
    half_life_s: float
    max: float | None
    per: tuple[str, float] | None
    """Field and unit of the amount."""
    repeat: Repeat | None
    absent_us: int | None


@dataclass(frozen=True)
class Tier:
    """A tier and the bounds from which it holds."""

    id: str
    from_: float | None
    requires: Mapping[str, float]


When = Literal["enters", "leaves", "stays", "score", "happens", "gains"]


@dataclass(frozen=True)
class Crossing:
    """A value that is crossed: of the total, or `of` a dimension."""

    bound: float
    rises: bool
    """It is crossed upwards; else the value falls below it."""
    of: str | None


@dataclass(frozen=True)
class Gain:
    """A rise of the total by `points` above its lowest in the last `within_us` microseconds."""

    points: float
    within_us: int


@dataclass(frozen=True)
class Play:
    """What is done, and when: of `tier`, `crossing`, `criterion` and `gain` those that `when` asks for."""

    id: str
    when: When
    cooldown_us: int
    do: tuple[Mapping[str, Any], ...]
    tier: str = ""
    stays_us: int = 0
    crossing: Crossing | None = None
    criterion: str = ""
    gain: Gain | None = None
    hours: Hours | None = None
    """When it may be done; None: at any time."""
    expires_us: int | None = None
    """For how long after it went off it is worth doing; None: for good."""


@dataclass(frozen=True)
class Grid:
    """A whole grid, right in itself. `source` is the file's content as JSON values."""

    name: str
    version: int
    timezone: ZoneInfo
    scores: Mapping[str, Dimension]
    criteria: tuple[Criterion, ...]
    tiers: tuple[Tier, ...]
    hysteresis: float
    plays: tuple[Play, ...]
    source: Mapping[str, Any]
    accounts: RollUp = field(default_factory=RollUp)
    account_plays: tuple[AccountPlay, ...] = ()

    @property
    def account_tiers(self) -> tuple[str, ...]:
        """The tiers of accounts: their own, or those of leads."""
        return tuple(tier.id for tier in self.accounts.tiers or self.tiers)

    def as_json(self) -> dict[str, Any]:
        """The grid as JSON: the file's content, and per criterion its label, kind and half-life."""
        criteria = [
            {
                **written,
                "label": dict(criterion.label),
                "kind": criterion.kind,
                "half_life_s": None if criterion.half_life_s == float("inf") else criterion.half_life_s,
            }
            for written, criterion in zip(self.source["criteria"], self.criteria, strict=True)
        ]
        return {
            **self.source,
            "timezone": self.timezone.key,
            "hysteresis": self.hysteresis,
            "criteria": criteria,
        }
