"""What a grid says of accounts, as checked values: how leads add up, from where tiers hold, which plays."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from scorer.hours import Hours

When = Literal["enters", "leaves", "stays"]
Way = Literal["max", "min", "sum", "avg"]


@dataclass(frozen=True)
class AccountTier:
    """A tier of accounts and the score from which it holds; None: always."""

    id: str
    from_: float | None


@dataclass(frozen=True)
class RollUp:
    """How the scores of an account's leads make its own; where nothing is said, the highest counts."""

    way: Way = "max"
    of: int | None = None
    """Only so many leads count, those with the highest scores."""
    cap: float | None = None
    """What one lead adds at most."""
    least_tier: str | None = None
    """Only leads that stand in this tier of the grid, or above it, count."""
    tiers: tuple[AccountTier, ...] = ()
    """None: an account is in the highest tier that one of its leads stands in."""
    hysteresis: float = 0.0


@dataclass(frozen=True)
class AccountPlay:
    """What is done when an account enters a tier, leaves it, or has stayed in it for a while."""

    id: str
    when: When
    tier: str
    cooldown_us: int
    do: tuple[Mapping[str, Any], ...]
    stays_us: int = 0
    """For how long, where `when` is `stays`."""
    written: Mapping[str, Any] = field(default_factory=dict)
    """What it asks for, as the grid says it."""
    hours: Hours | None = None
    """When it may be done; None: at any time."""
    expires_us: int | None = None
    """For how long after it went off it is worth doing; None: for good."""
