"""What is kept of a lead in nurturing: one row of `leadheat.nurturing`, changed only by `walk`."""

from hashlib import sha256
from typing import Any, Final, Literal

import msgspec

Kind = Literal["sequence", "survey"]
Fate = Literal["sent", "bounced", "refused", "failed"]


class Facts(msgspec.Struct, omit_defaults=True):
    """What the newest score record, or alert, says of the lead."""

    at: int = 0
    tier: str | None = None
    score: float | None = None
    traits: dict[str, Any] = {}


class Place(msgspec.Struct, omit_defaults=True):
    """Where a lead stands in a sequence."""

    sequence: str
    run: int
    step: str
    """The instruction that comes next."""
    entered: int
    due: int
    """When it comes."""
    alert: str = ""
    """What set it off."""
    events: list[str] = []
    """Types of events since it was entered, of those that the file names."""


class Waiting(msgspec.Struct, omit_defaults=True):
    """A sequence or survey that is still to begin."""

    kind: Kind
    name: str
    due: int
    alert: str = ""
    until: int | None = None
    """After this moment it does not begin any more."""


class Outgoing(msgspec.Struct, omit_defaults=True):
    """A mail that is being sent, or tried again."""

    message: str
    """Its id before the @, the same for every attempt."""
    kind: Kind
    campaign: str
    step: str
    mail: str
    at: int
    due: int
    attempts: int = 0
    score: float | None = None
    tier: str | None = None


class Sent(msgspec.Struct, omit_defaults=True):
    """A mail that was handed over, or was not."""

    message: str
    kind: Kind
    campaign: str
    step: str
    at: int
    fate: Fate = "sent"
    why: str = ""
    opened: list[str] = []
    """Marks of the events that told so."""
    clicked: list[str] = []
    score: float | None = None
    tier: str | None = None


class Run(msgspec.Struct, omit_defaults=True):
    """The last time that a lead went through a sequence."""

    run: int
    entered: int
    left: int = 0
    why: str = ""


class Answer(msgspec.Struct, omit_defaults=True):
    """What a lead answered to a survey, and how it was scored then."""

    message: str
    survey: str
    rating: int
    at: int
    score: float | None = None
    tier: str | None = None


class Row(msgspec.Struct, omit_defaults=True):
    """A lead in nurturing."""

    lead: str
    facts: Facts = msgspec.field(default_factory=Facts)
    place: Place | None = None
    waiting: list[Waiting] = []
    outgoing: Outgoing | None = None
    sent: list[Sent] = []
    runs: dict[str, Run] = {}
    answers: list[Answer] = []
    suppressed: str = ""
    """Why it gets no mail any more."""
    seen: list[str] = []
    """Ids of the newest alerts and events that began something: what comes twice begins nothing."""
    merged: int = 0
    """When its lead became part of another one, which takes the row over."""
    adopted: list[str] = []
    """Ids whose rows it has taken over."""

    @property
    def empty(self) -> bool:
        """Whether nothing is lost with it."""
        idle = not (self.place or self.waiting or self.outgoing or self.sent or self.runs or self.answers)
        return idle and not (self.suppressed or self.seen or self.adopted)


_decoder: Final = msgspec.json.Decoder(Row)
_encoder: Final = msgspec.json.Encoder()


def read(value: bytes) -> Row:
    """The row in a record's value."""
    return _decoder.decode(value)


def write(row: Row) -> bytes:
    """The value of a row's record."""
    return _encoder.encode(row)


def message_of(lead: str, campaign: str, run: str, step: str) -> str:
    """A mail's id: the same for the same lead, sequence or survey, run and step.

    >>> message_of("u-1", "keep-warm", "1", "hello") == message_of("u-1", "keep-warm", "1", "hello")
    True
    """
    return sha256(msgspec.json.encode((lead, campaign, run, step))).hexdigest()[:32]
