"""Rows of `leadheat.tasks`: who has a lead, and what is to be done about it until when."""

from typing import Any, Final, Literal

import msgspec

from scorer.times import Micros

_ASSIGNED: Final = "assigned:"
_TASK: Final = "task:"


class Assigned(msgspec.Struct, frozen=True, tag="assigned", tag_field="row", omit_defaults=True):
    """Who has a lead."""

    lead: str
    person: str
    why: str
    at: Micros
    alert: str
    """The alert that it was assigned by."""
    account: str | None = None
    open: bool = True
    """False once somebody has said what became of the lead."""


class Task(msgspec.Struct, frozen=True, tag="task", tag_field="row", omit_defaults=True):
    """What is to be done about a lead."""

    lead: str
    alert: str
    what: str
    since: Micros
    person: str | None = None
    due: Micros | None = None
    """Until when; None: nobody is told if it isn't done."""
    escalate: str | None = None
    """The channel that is told then."""
    state: Literal["open", "done", "escalated", "withdrawn"] = "open"
    by: str | None = None
    """Who did it."""
    told: dict[str, Any] = {}
    """The alert, as long as it may have to be told again."""


Row = Assigned | Task
_decoder: Final = msgspec.json.Decoder(Row)


def assigned_key(lead: str) -> str:
    """The key of a lead's assignment."""
    return _ASSIGNED + lead


def task_key(alert: str, what: str) -> str:
    """The key of a task: the same alert asks for the same task once."""
    return f"{_TASK}{alert}:{what}"


def load(value: bytes) -> Row:
    """A row; msgspec.DecodeError where it is none."""
    row: Row = _decoder.decode(value)
    return row


def dump(row: Row) -> bytes:
    """A row as it is kept."""
    return msgspec.json.encode(row)
