"""The rows of `leadheat.sync`: what each CRM was told, has yet to be told, and how far it was read."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from connectors.sync.standing import Sample, Standing
from scorer.times import Micros

_SEPARATOR: Final = "\0"


class LeadRow(msgspec.Struct, tag="lead", omit_defaults=True, kw_only=True):
    """A lead and a CRM; `due`: when to look at whether there is anything to tell."""

    lead: str
    destination: str
    basis: dict[str, Any]
    """The newest score record, as far as it is needed to read it at any moment."""
    record: str | None = None
    """By the trait that holds its id."""
    email: str | None = None
    known: dict[str, str] = {}
    """By what else somebody is looked up."""
    change: int = 0
    """Counts the score records: what is sent is of one of them, and meanwhile the next may have come."""
    told: Standing | None = None
    samples: tuple[Sample, ...] = ()
    due: Micros | None = None
    attempts: int = 0
    parked: str | None = None
    """Why the CRM did not take what it was told last."""


class TaskRow(msgspec.Struct, tag="task", omit_defaults=True, kw_only=True):
    """A task that a CRM is to be given."""

    lead: str
    destination: str
    id: str
    subject: str
    text: str
    deadline: Micros
    expires: Micros
    """When it is given up where the CRM doesn't know the lead."""
    due: Micros | None
    record: str | None = None
    email: str | None = None
    identities: tuple[str, ...] = ()
    begun: bool = False
    """Whether the CRM may have it already."""
    done: bool = False
    """It is kept until it expires, since its alert's record may come once more."""
    attempts: int = 0


class RecordRow(msgspec.Struct, tag="record", omit_defaults=True, kw_only=True):
    """A record of a CRM that was read: whose it is, and what of it was passed on."""

    lead: str
    destination: str
    record: str
    seen: dict[str, str] = {}
    """Digests of values, by trait and stage: only what has changed is passed on, and never our own words."""
    changes: int = 0
    """Counts what is passed on: an event is known by it, however often it is published."""
    saying: dict[str, tuple[int, str]] = {}
    """What is being passed on, written before it goes out: by trait and stage, its number and digest.

    Cut off there, it may have gone out: whatever the record says then is news, even what is in `seen`.
    """
    round: int = 0
    """The reading of everything that it was seen in last."""
    gone: bool = False
    """Deleted there, or merged into another one; some come back."""
    due: Micros | None = None

    def about_to_say(self, digests: Mapping[str, str]) -> "RecordRow":
        """The row to write before these go out; what was already being said keeps its number."""
        saying = dict(self.saying)
        for name, digest in digests.items():
            if name not in saying or saying[name][1] != digest:
                saying[name] = self.changes, digest
        changes = self.changes + (saying != self.saying)
        return msgspec.structs.replace(self, saying=saying, changes=changes)

    def number(self, names: Iterable[str]) -> int:
        """Of what is being said of these: that of the newest."""
        return max(self.saying[name][0] for name in names)


class CursorRow(msgspec.Struct, tag="cursor", omit_defaults=True, kw_only=True):
    """How far a CRM was read."""

    destination: str
    cursor: str | None = None
    round: int = 1
    """Counts the readings of everything."""
    due: Micros | None = None


Row = LeadRow | TaskRow | RecordRow | CursorRow

_decoder: Final[msgspec.json.Decoder[Row]] = msgspec.json.Decoder(Row)


def encode(row: Row) -> bytes:
    """The row's bytes."""
    return msgspec.json.encode(row)


def decode(data: bytes) -> Row:
    """The row in some bytes."""
    return _decoder.decode(data)


def lead_key(lead: str, destination: str) -> str:
    """The key of a lead's row."""
    return _SEPARATOR.join(("lead", destination, lead))


def task_key(task: str, destination: str) -> str:
    """The key of a task's row."""
    return _SEPARATOR.join(("task", destination, task))


def record_key(record: str, destination: str) -> str:
    """The key of a record's row."""
    return _SEPARATOR.join(("record", destination, record))


def cursor_key(destination: str) -> str:
    """The key of a cursor's row; its partition is also where the rows of that CRM's records stand."""
    return _SEPARATOR.join(("cursor", destination))
