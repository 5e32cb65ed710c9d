"""What the topics tell of a lead, as nurturing needs it: alerts, scores, events."""

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from connectors.nurture.row import Facts
from connectors.nurture.suppression import ORDER
from scorer.errors import EventError
from scorer.event import Event, decode
from scorer.silence import is_silent
from scorer.times import Micros, parse_time
from scorer.topics import ALERTS, SCORES

_MOST_TEXT: Final = 500
"""Characters kept of a trait."""
Action = tuple[str, str]
"""What is to be done, and with which sequence or survey: ("start", "keep-warm"), ("survey", "delivery")."""


@dataclass(frozen=True)
class Raised:
    """A play went off."""

    id: str
    at: Micros
    """When it is to be done: not before."""
    actions: tuple[Action, ...]
    facts: Facts
    assigned: bool = False
    withdrawn: str | None = None
    expires: int | None = None


@dataclass(frozen=True)
class Scored:
    """The lead's score now, and the ids that are its."""

    facts: Facts
    identities: tuple[str, ...]


@dataclass(frozen=True)
class Gone:
    """The lead has no score any more: it is part of another one, or was forgotten."""

    at: Micros


@dataclass(frozen=True)
class Happened:
    """An event of the lead."""

    event: Event
    at: Micros
    """When it arrived."""
    id: str
    history: bool = False
    """It was imported, and begins nothing."""
    order: bool = False
    """It was said by a command of LeadHeat's own."""


Happening = Raised | Scored | Gone | Happened


class _Alert(msgspec.Struct):
    id: str
    at: str
    score: float = 0.0
    to: str = ""
    do: list[dict[str, Any]] = []
    traits: dict[str, Any] = {}
    withdrawn: str | None = None
    due: str | None = None
    expires: str | None = None


class _Score(msgspec.Struct):
    score: float
    tier: str
    as_of: str
    traits: dict[str, Any] = {}
    identities: list[str] = []


_alerts: Final = msgspec.json.Decoder(_Alert)
_scores: Final = msgspec.json.Decoder(_Score)


def read(topic: str, record: Any) -> Happening | None:
    """What a record says; `topic` without its prefix. None: nothing of ours, or it can't be read."""
    at = Micros(record.timestamp * 1_000)
    try:
        if topic == SCORES:
            return Gone(at) if record.value is None else _scored(_scores.decode(record.value))
        if record.value is None:
            return None
        if topic == ALERTS:
            return _raised(_alerts.decode(record.value))
        event = decode(record.value)
    except (msgspec.DecodeError, UnicodeDecodeError, EventError, ValueError, RecursionError):
        return None  # the worker says so, on leadheat.failed
    ordered = any(name == ORDER for name, _ in record.headers)
    unnamed = f"{record.topic}/{record.partition}/{record.offset}"
    return Happened(event, at, str(event.id or unnamed), is_silent(record.headers), ordered)


def _scored(told: _Score) -> Scored:
    facts = Facts(parse_time(told.as_of), told.tier, told.score, _kept(told.traits))
    return Scored(facts, tuple(told.identities))


def _raised(told: _Alert) -> Raised:
    at = parse_time(told.at)
    return Raised(
        told.id,
        at if told.due is None else parse_time(told.due),
        tuple(actions_of(told.do)),
        Facts(at, told.to or None, told.score, _kept(told.traits)),
        assigned=any("assign" in action for action in told.do),
        withdrawn=told.withdrawn,
        expires=None if told.expires is None else parse_time(told.expires),
    )


def actions_of(do: list[dict[str, Any]]) -> list[Action]:
    """What a play's actions ask of nurturing.

    `nurture: NAME` or `{start: NAME}`, `{move: NAME}`, `{stop: NAME or all}`; `survey: NAME`.
    """
    found: list[Action] = []
    for action in do:
        told = action.get("nurture")
        if isinstance(told, str):
            found.append(("start", told))
        elif isinstance(told, dict):
            found += [(how, str(told[how])) for how in ("stop", "move", "start") if how in told]
        if isinstance(action.get("survey"), str):
            found.append(("survey", action["survey"]))
    return found


def _kept(traits: dict[str, Any]) -> dict[str, Any]:
    """What templates and conditions can use: plain values, none of them a novel."""
    return {
        name: value[:_MOST_TEXT] if isinstance(value, str) else value
        for name, value in traits.items()
        if isinstance(value, str | int | float | bool)
    }
