"""An alert as its record on the topic says it."""

from typing import Any, Self

import msgspec

from connectors.notify.errors import NotifyError
from scorer.times import Micros, parse_time


class AlertError(NotifyError):
    """A record of the alerts' topic that is no alert."""


class Reason(msgspec.Struct, frozen=True):
    """What one criterion added; a label is one text, or one for each language."""

    criterion: str
    points: float
    label: str | dict[str, str] = ""


class AccountLead(msgspec.Struct, frozen=True):
    """One of an account's leads."""

    lead_id: str
    score: float
    tier: str
    name: str | None = None


class Alert(msgspec.Struct, frozen=True):
    """What happened to which lead, why, and what is to be done; `raw` is the whole record."""

    id: str
    play: str
    lead_id: str
    to: str
    score: float
    at: str
    from_: str | None = msgspec.field(name="from", default=None)
    reasons: tuple[Reason, ...] = ()
    do: tuple[dict[str, Any], ...] = ()
    traits: dict[str, Any] = {}
    next_tier: dict[str, str] | None = None
    due: str | None = None
    """When the play's hours open, where they were closed at `at`."""
    expires: str | None = None
    """Until when acting on it makes sense."""
    withdrawn: str | None = None
    """The alert that this one takes back, since what set it off was no person's doing."""
    when: dict[str, Any] = {}
    """What the play asks for, as the grid says it; of a criterion also its `label`."""
    account: str | None = None
    """The account that it is about; `lead_id` is then the hottest of its leads."""
    company: str | None = None
    leads: tuple[AccountLead, ...] = ()
    escalates: str | None = None
    """The alert whose task nobody has done."""
    task: str | None = None
    person: str | None = None
    """Who was to do it."""
    raw: msgspec.Raw = msgspec.Raw(b"null")

    @classmethod
    def read(cls, value: bytes) -> Self:
        """The alert in a record's value; AlertError where there is none."""
        try:
            found = msgspec.json.decode(value, type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise AlertError(f"the record is no alert: {error}") from None
        return msgspec.structs.replace(found, raw=msgspec.Raw(value))

    @property
    def due_at(self) -> Micros | None:
        """When it may be delivered; None: at once, also where nothing readable is said."""
        return _moment(self.due)

    @property
    def expires_at(self) -> Micros | None:
        """From when on it is told as an old one."""
        return _moment(self.expires)

    @property
    def actions(self) -> tuple[tuple[str, Any], ...]:
        """What is to be done, as pairs of verb and object: ("alert", "sales"), ("task", {"do": "call"})."""
        return tuple(pair for action in self.do for pair in action.items())

    @property
    def assigns(self) -> bool:
        """Whether somebody is to have the lead."""
        return self.withdrawn is None and any(verb == "assign" for verb, _ in self.actions)

    @property
    def answered(self) -> str:
        """The id of the alert that an answer is about."""
        return self.escalates or self.id


def _moment(told: str | None) -> Micros | None:
    try:
        return None if told is None else parse_time(told)
    except ValueError:
        return None
