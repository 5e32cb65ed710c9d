"""Reads the sync file: which CRMs are kept in step, how they are reached, what is read and written there.

dynamics:                                    # the destination's name, in metrics and parked records
  kind: dynamics
  url: https://acme.crm4.dynamics.com
  auth: {tenant: acme.onmicrosoft.com, client_id: 6f1d…, client_secret: {env: DYNAMICS_SECRET}}
  direction: both                            # read, write, both
  lead_id: email                             # what somebody is called whom only the CRM knows
  read: {every: 1m, outcomes: {statuscode: {"4": rejected}}}
  write: {delta: 5, tasks: true}
"""

import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from connectors.sync import kinds
from connectors.sync.crm import Destination, Kind, Reads, Writes
from connectors.sync.errors import SyncFileError
from scorer.checked import Checked
from scorer.errors import Problem
from scorer.yaml_file import Path as Where
from scorer.yaml_file import YamlFile

_COMMON: Final = {
    "kind": True,
    "direction": False,
    "tie": False,
    "lead_id": False,
    "read": False,
    "write": False,
    "ca": False,
}
_TIE: Final = {"trait": False, "email": False}
_READ: Final = {"every": False, "traits": False, "outcomes": False}
_WRITE: Final = dict.fromkeys(("fields", "delta", "grades", "trend", "language", "reasons", "tasks"), False)
OURS: Final = ("score", "grade", "trend", "tier", "reasons", "lead_id", "scored_at")
"""What can be written, and in no case anything else."""
_OUTCOMES: Final = ("accepted", "rejected", "wrong", "won", "lost")
_DIRECTIONS: Final = ("read", "write", "both")
_GRADES: Final = {"A": True, "B": True, "C": True}
_FIELD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,127}\Z")
_MOST_SECRET_BYTES: Final = 16_384


def load_sync_file(path: Path, environment: Mapping[str, str] | None) -> list[Destination]:
    """The destinations of a file; SyncFileError names everything that is wrong with it.

    `environment`: where secrets are; None: they are elsewhere, and not asked for.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no UTF-8 text"
        message = f"cannot be read ({why}): expected a YAML file of CRMs"
        raise SyncFileError([Problem(str(path), 1, "file", message)]) from None
    return parse_sync_file(text, str(path), environment)


def parse_sync_file(text: str, file: str, environment: Mapping[str, str] | None) -> list[Destination]:
    """The destinations of a file's text."""
    reader = _Reader(YamlFile(text, file), environment)
    found = reader.destinations()
    if reader.problems:
        raise SyncFileError(reader.problems)
    return found


class _Reader(Checked):
    """Goes through the file and notes every problem on its way."""

    def __init__(self, file: YamlFile, environment: Mapping[str, str] | None) -> None:
        super().__init__(file)
        self._environment = environment
        self._folder = Path(file.name).parent

    def destinations(self) -> list[Destination]:
        if self.problems:
            return []
        if not isinstance(self.data, dict) or not self.data:
            self.report((), "expected names with their CRMs, such as `dynamics: {kind: dynamics, …}`")
            return []
        found = (
            self._destination(self.name(name, (name,), "dynamics"), told) for name, told in self.data.items()
        )
        return [one for one in found if one is not None]

    def _destination(self, name: str, told: Any) -> Destination | None:
        at: Where = (name,)
        named = told.get("kind") if isinstance(told, dict) else None
        if named not in kinds.names():
            if not isinstance(told, dict):
                self.report(at, "expected a CRM, such as {kind: dynamics, …}")
            else:
                self.report((*at, "kind"), f"no kind of CRM: {self.choice(named, kinds.names())}")
            return None
        kind = kinds.kind(str(named))
        told = self.mapping(told, at, {**_COMMON, **kind.fields}, "a CRM")
        usual = "read" if kind.limits.looks_up else "both" if kind.limits.reads else "write"
        direction = told.get("direction", usual)
        if direction not in _DIRECTIONS:
            self.report((*at, "direction"), f"no direction: {self.choice(direction, _DIRECTIONS)}")
        elif usual not in ("both", direction):
            self.report((*at, "direction"), f"a {kind.name} goes one way: expected {usual}")
        tie = self.mapping(told.get("tie", {}), (*at, "tie"), _TIE, "{trait: crm.dynamics.id, email: email}")
        writes = self._writes(told.get("write", {}), (*at, "write"), kind)
        reads = self._reads(told.get("read", {}), (*at, "read"), kind, writes)
        for field, other in (("read", "write"), ("write", "read")):
            if field in told and direction == other:
                self.report((*at, field), f"means nothing with `direction: {direction}`: leave it out")
        return Destination(
            name=name,
            kind=kind,
            options=kind.options(told, at, self, self._secret),
            reads=None if direction == "write" else reads,
            writes=None if direction == "read" else writes,
            record_trait=self.name(
                tie.get("trait", f"crm.{name}.id"), (*at, "tie", "trait"), "crm.dynamics.id"
            ),
            email_trait=self._email(tie, (*at, "tie", "email")),
            naming=self._naming(told.get("lead_id", "email"), (*at, "lead_id")),
            ca=self._certificates(told.get("ca"), (*at, "ca")),
        )

    def _email(self, tie: Mapping[str, Any], at: Where) -> str | None:
        told = tie.get("email", "email")
        return None if told is False else self.name(told, at, "email, or false: only the record's id counts")

    def _certificates(self, told: Any, at: Where) -> Path | None:
        if told is None:
            return None
        path = self._folder / str(told)
        try:
            ssl.create_default_context(cafile=path)
        except (OSError, ssl.SSLError):
            self.report(at, "cannot be read: expected a PEM file of certificates that are to be believed")
        return path

    def _naming(self, told: Any, at: Where) -> str:
        if told in ("email", "record"):
            return str(told)
        self.report(at, f"no way to name people: {self.choice(told, ('email', 'record'))}")
        return "email"

    def _reads(self, told: Any, at: Where, kind: Kind, writes: Writes) -> Reads:
        told = self.mapping(told, at, _READ, "{every: 1m, traits: {…}, outcomes: {…}}")
        traits = self._names(told.get("traits", dict(kind.traits)), (*at, "traits"))
        ours = set(writes.fields.values())
        for field in traits:
            if field in ours:
                self.report((*at, "traits", field), "is written by us: expected a field that people fill in")
        return Reads(
            every_s=self.duration(told.get("every", "7d" if kind.limits.looks_up else "1m"), (*at, "every")),
            traits=traits,
            outcomes=self._outcomes(told.get("outcomes", {}), (*at, "outcomes")),
        )

    def _names(self, told: Any, at: Where) -> dict[str, str]:
        """The CRM's fields with our names."""
        if not isinstance(told, dict):
            self.report(at, "expected fields of the CRM with our names, such as {jobtitle: title}")
            return {}
        found = {}
        for field, ours in told.items():
            self._field(field, (*at, field))
            found[field] = self.name(ours, (*at, field), "title")
        return found

    def _outcomes(self, told: Any, at: Where) -> dict[str, dict[str, str]]:
        if not isinstance(told, dict):
            self.report(
                at, 'expected fields with what their values mean, such as {statuscode: {"4": rejected}}'
            )
            return {}
        found: dict[str, dict[str, str]] = {}
        for field, values in told.items():
            self._field(field, (*at, field))
            if not isinstance(values, dict):
                self.report((*at, field), 'expected values with outcomes, such as {"4": rejected}')
                continue
            for value, outcome in values.items():
                if outcome not in _OUTCOMES:
                    self.report((*at, field, value), f"no outcome: {self.choice(outcome, _OUTCOMES)}")
            found[field] = {str(value): str(outcome) for value, outcome in values.items()}
        return found

    def _writes(self, told: Any, at: Where, kind: Kind) -> Writes:
        told = self.mapping(told, at, _WRITE, "{fields: {…}, delta: 5}")
        fields = told.get("fields", dict(kind.own_fields))
        if not isinstance(fields, dict):
            self.report((*at, "fields"), "expected ours with the CRM's fields, such as {score: new_score}")
            fields = {}
        for ours, field in fields.items():
            if ours not in OURS:
                self.report((*at, "fields", ours), f"nothing that is written: {self.choice(ours, OURS)}")
            self._field(field, (*at, "fields", ours))
        language = told.get("language", "fr")
        if language not in ("fr", "en"):
            self.report((*at, "language"), f"no language: {self.choice(language, ('fr', 'en'))}")
            language = "fr"
        tasks = told.get("tasks", kind.limits.tasks)
        if not isinstance(tasks, bool):
            self.report((*at, "tasks"), "expected true or false")
        elif tasks and not kind.limits.tasks:
            self.report((*at, "tasks"), f"a {kind.name} has no tasks: expected false")
        return Writes(
            fields={str(ours): str(field) for ours, field in fields.items()},
            delta=self.number(told.get("delta", 5), (*at, "delta"), "5", above=0.0),
            grades=self._grades(told.get("grades", {"A": 75, "B": 50, "C": 25}), (*at, "grades")),
            trend_s=self.duration(told.get("trend", "7d"), (*at, "trend")),
            language=language,
            reasons=int(self.number(told.get("reasons", 5), (*at, "reasons"), "5", least=1.0)),
            tasks=tasks is True,
        )

    def _grades(self, told: Any, at: Where) -> tuple[float, float, float]:
        told = self.mapping(told, at, _GRADES, "the least score of each, such as {A: 75, B: 50, C: 25}")
        a, b, c = (self.number(told.get(letter, 0), (*at, letter), "50") for letter in _GRADES)
        if len(told) == len(_GRADES) and not a > b > c:
            self.report(at, "expected A above B above C, such as {A: 75, B: 50, C: 25}")
        return a, b, c

    def _field(self, value: Any, at: Where) -> str:
        if not isinstance(value, str) or not _FIELD.match(value):
            self.report(at, "no field's name: expected the one that the CRM's interface uses")
            return ""
        return value

    def _secret(self, told: Any, at: Where) -> str:
        """A secret out of the environment or a file; no message quotes one."""
        if not (isinstance(told, dict) and len(told) == 1 and told.keys() <= {"env", "file"}):
            self.report(at, "expected {env: NAME} or {file: PATH}: no secret stands in this file itself")
            return ""
        where, named = next(iter(told.items()))
        if not isinstance(named, str) or not named:
            self.report(
                (*at, where), "expected the name of a variable" if where == "env" else "expected a path"
            )
            return ""
        if self._environment is None:
            return ""
        if where == "env":
            value = self._environment.get(named, "").strip()
            if not value:
                self.report((*at, where), f"{named} is not set: expected a variable that holds the secret")
            return value
        try:
            with (self._folder / named).open("rb") as file:
                value = file.read(_MOST_SECRET_BYTES).decode().strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "no text"
            self.report((*at, where), f"cannot be read ({why}): expected a file that holds the secret alone")
            return ""
        if not value:
            self.report((*at, where), "is empty: expected a file that holds the secret alone")
        return value


def is_address(value: Any) -> bool:
    """Whether a text is the address of a CRM: https, or http on this machine, which is a test's."""
    return isinstance(value, str) and bool(
        re.match(r"https://[A-Za-z0-9.-]+(:\d+)?\Z|http://(127\.0\.0\.1|localhost)(:\d+)?\Z", value)
    )
