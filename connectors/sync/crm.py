"""The one interface behind which every CRM stands: what is asked of it, what it gives.

A kind of CRM is a module of `connectors.sync.kinds` that has a `KIND`; nothing else knows of it. Whatever it
does, it never creates a person's record, and writes to no field that isn't ours.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

from connectors.sync.caller import Line, Rate
from connectors.sync.standing import Standing
from scorer.checked import Checked
from scorer.times import Micros
from scorer.yaml_file import Path as Where


class Tie(msgspec.Struct, frozen=True):
    """What ties a lead to a record: the record's own id comes before the e-mail."""

    lead: str
    record: str | None = None
    email: str | None = None
    identities: tuple[str, ...] = ()
    """What else the lead is called: a record that bears one of these is its own."""


class Found(msgspec.Struct, frozen=True):
    """A lead's record as it is now; of one that was merged, the record that it was merged into."""

    record: str
    lead: str | None = None
    """Whose record it is by our own field, if it says so."""
    email: str | None = None
    values: Mapping[str, Any] = {}
    """What our fields hold now, by their names in the CRM: what is the same isn't written again."""


class Refusal(msgspec.Struct, frozen=True):
    """What a CRM doesn't take, in words for whoever mends it; `again`: later it may."""

    reason: str
    again: bool = False


class Telling(msgspec.Struct, frozen=True):
    """What one record is told: values by the CRM's own names of fields."""

    lead: str
    record: str
    values: Mapping[str, Any]
    standing: Standing
    trace: str
    """The same for the same words to the same record: a repeat can be known by it."""


class Task(msgspec.Struct, frozen=True):
    """Something that somebody is to do about a lead; the id is the same for ever."""

    id: str
    record: str
    subject: str
    text: str
    due: Micros


class Change(msgspec.Struct, frozen=True):
    """A record that was changed, or is told for the first time."""

    record: str
    at: Micros
    """The CRM's own moment of it."""
    lead: str | None = None
    """Whose it is by our own field."""
    email: str | None = None
    traits: Mapping[str, Any] = {}
    """By our names; None where the field is empty."""
    stages: Mapping[str, Any] = {}
    """Fields that outcomes come from, by their names in the sync file."""
    stage_at: Micros | None = None
    """When the stage began, where the CRM knows better than `at`."""
    deleted: bool = False
    merged_into: str | None = None
    of: str | None = None
    """This is no person's record but an opportunity's, say, which came of that record."""


class Page(msgspec.Struct, frozen=True):
    """Changes in order, and from where to go on; `more`: at once."""

    changes: tuple[Change, ...]
    cursor: str
    more: bool = False
    whole: bool = False
    """The last page of a reading of everything: what was in none of its pages is there no more."""


class Limits(msgspec.Struct, frozen=True):
    """What a vendor lets through: records of a call, calls by their lane (`""`: all others)."""

    batch: int
    rates: Mapping[str, Rate]
    tasks: bool = True
    """Whether there are tasks for people in it."""
    reads: bool = True
    """Whether anything can be read of it."""
    looks_up: tuple[str, ...] = ()
    """Traits that it is asked with, where people are looked up one at a time, and nothing is told."""


class Crm(Protocol):
    """A connection to one CRM. Any method may raise a CrmError: then nothing of it counts as done."""

    async def check(self) -> list[str]:
        """Everything that is missing to begin: access, fields, permissions; in words, none if all is well."""

    async def prepare(self, *, do: bool) -> list[str]:
        """Creates our fields where the CRM allows, or with `do` false says what it would create."""

    def values(self, standing: Standing) -> Mapping[str, Any]:
        """What our fields are to hold, by their names in the CRM."""

    async def find(self, ties: Sequence[Tie]) -> Mapping[str, Found | Refusal]:
        """The records of some leads, by lead; a lead that the CRM doesn't know is left out."""

    async def tell(self, tellings: Sequence[Telling]) -> Sequence[Refusal | None]:
        """Updates records, at most a batch; what became of each, in order. BatchRefusedError: of none."""

    async def add_task(self, task: Task, *, again: bool) -> Refusal | None:
        """Creates a task, once however often it is asked; `again`: it may be there already."""

    async def read(self, cursor: str | None) -> Page:
        """What has changed since a cursor; None: everything."""


class Directory(Protocol):
    """What a connection is whose kind looks people up."""

    budget: int
    """How many it may be asked for in a day."""
    tiers: tuple[str, ...]
    """Whom it is asked for."""

    async def look_up(self, email: str, known: Mapping[str, str]) -> Mapping[str, Any]:
        """What it says of somebody, by our names; nothing where it knows nobody."""


class Reads(msgspec.Struct, frozen=True):
    """What is read of a CRM."""

    every_s: float
    traits: Mapping[str, str]
    """Our names, by the CRM's."""
    outcomes: Mapping[str, Mapping[str, str]]
    """By a field of the CRM, by its value: the outcome."""


class Writes(msgspec.Struct, frozen=True):
    """What a CRM is told, and when."""

    fields: Mapping[str, str]
    """The CRM's names, by ours: score, grade, trend, tier, reasons, lead_id, scored_at."""
    delta: float
    grades: tuple[float, float, float]
    """The least score of A, B and C."""
    trend_s: float
    language: str
    reasons: int
    tasks: bool


class Destination(msgspec.Struct, frozen=True):
    """One CRM of the sync file."""

    name: str
    kind: "Kind"
    options: Any
    """What the kind itself has read of the file."""
    reads: Reads | None
    writes: Writes | None
    record_trait: str
    """The trait that holds the record's id, such as `crm.dynamics.id`."""
    email_trait: str | None
    """The trait that a record may be found by; None: only its id counts."""
    naming: str
    """What a person is called whom only the CRM knows: `email`, `record`, or a field's name."""
    ca: Path | None = None
    """A file of the only certificates that are believed, for a server whose own is signed by nobody."""


class Kind(Protocol):
    """A kind of CRM, found by its name."""

    name: str
    fields: Mapping[str, bool]
    """Its own fields in the sync file; True marks those that must be there."""
    own_fields: Mapping[str, str]
    """What our fields are called in it, unless the file says otherwise."""
    traits: Mapping[str, str]
    """Which of its fields are read as which traits, unless the file says otherwise."""
    limits: Limits

    def options(self, told: Mapping[str, Any], at: Where, file: Checked, secret: "Secrets") -> Any:
        """Reads its own fields of a destination, and reports what is wrong with them."""

    def connect(self, destination: Destination, line: Line, clock: Callable[[], Micros]) -> Crm:
        """A connection, which speaks through `line` alone."""


Secrets = Callable[[Any, Where], str]
"""Reads a secret told as {env: NAME} or {file: PATH}."""
