"""What a file of sequences says: who is sent which mails when, and which surveys."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from scorer.hours import Hours

Language = Literal["fr", "en"]
Consent = Literal["always", "private", "never"]
"""For whom consent must have been given: everybody, who has an address of a free mail provider, nobody."""
Pixel = Literal["consent", "always", "never"]


@dataclass(frozen=True)
class View:
    """What conditions ask of a lead in a sequence; None: nothing of the kind."""

    tier: str | None = None
    score: float | None = None
    opened: list[str] | None = None
    clicked: list[str] | None = None
    event: list[str] | None = None
    traits: Mapping[str, Any] = field(default_factory=dict)


Condition = Callable[[View], bool]


@dataclass(frozen=True)
class Wait:
    """Waits for so long."""

    id: str
    lasts: int


@dataclass(frozen=True)
class Post:
    """Sends a mail."""

    id: str
    mail: str


@dataclass(frozen=True)
class Branch:
    """Goes on with the next instruction where the condition holds, else with another."""

    id: str
    holds: Condition
    otherwise: str


@dataclass(frozen=True)
class Jump:
    """Goes on elsewhere."""

    id: str
    to: str


@dataclass(frozen=True)
class Stop:
    """Ends the sequence."""

    id: str


Instruction = Wait | Post | Branch | Jump | Stop


@dataclass(frozen=True)
class Cap:
    """At most so many mails in any stretch of so many microseconds."""

    mails: int
    within: int


@dataclass(frozen=True)
class Mail:
    """A mail's templates by language."""

    id: str
    subject: Mapping[str, str]
    text: Mapping[str, str]
    html: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Sequence:
    """A sequence of mails: its program, by the instructions' ids in order; the last one is a Stop."""

    id: str
    program: Mapping[str, Instruction]
    order: tuple[str, ...]
    priority: int = 0
    only_if: Condition | None = None
    exit_tiers: frozenset[str] = frozenset({"hot"})
    exit_events: frozenset[str] = frozenset()
    again: int | None = None
    """How long after its end it may begin again; None: never."""
    cap: Cap | None = None
    consent: Consent = "private"

    def after(self, instruction: str) -> str:
        """The id of the next instruction."""
        return self.order[self.order.index(instruction) + 1]


@dataclass(frozen=True)
class Survey:
    """A survey: one question by mail, how likely somebody is to recommend us, from 0 to 10."""

    id: str
    mail: str
    starts: frozenset[str] = frozenset()
    """Types of events that start it."""
    delay: int = 0
    only_if: Condition | None = None
    every: int = 0
    """The shortest time between two surveys, this one or another, of one lead."""
    consent: Consent = "never"


@dataclass(frozen=True)
class Sender:
    """Whom mails are from."""

    address: str
    name: str = ""
    reply_to: str | None = None
    footer: Mapping[str, str] = field(default_factory=dict)
    """Who it is that writes, by language: what the law wants said."""


@dataclass(frozen=True)
class Plan:
    """The whole file."""

    name: str
    sender: Sender
    sequences: Mapping[str, Sequence]
    surveys: Mapping[str, Survey]
    mails: Mapping[str, Mail]
    hours: Hours | None = None
    """When mails may go; None: always."""
    cap: Cap | None = None
    language: Language = "fr"
    roles: bool = False
    """Whether addresses such as info@ are sent to."""
    pixel: Pixel = "consent"
    """In whose mails a picture tells of openings: who consented, everybody, nobody."""
    asked: frozenset[str] = frozenset()
    """Types of events that conditions ask for."""

    def next_open(self, moment: int) -> int:
        """The moment itself, where mails may go then, else the next at which they may."""
        opening = None if self.hours is None else self.hours.next_opening(moment)
        return moment if opening is None else opening

    @property
    def events(self) -> frozenset[str]:
        """Types of events that anything asks for."""
        found = {one for survey in self.surveys.values() for one in survey.starts}
        return frozenset(found.union(*(one.exit_events for one in self.sequences.values())) | self.asked)
