"""The sales team, as its file tells: people, how many leads each can take, who serves which territory."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from connectors.office.errors import TeamError
from scorer.checked import Checked
from scorer.conditions import Condition, Conditions
from scorer.errors import Problem
from scorer.fields import trait_field
from scorer.times import SECOND, Micros
from scorer.yaml_file import Path as Where
from scorer.yaml_file import YamlFile

_TOP: Final = {"timezone": False, "people": True, "teams": False}
_PERSON: Final = {"name": False, "email": False, "channel": False, "capacity": False, "away": False}
_AWAY: Final = {"from": True, "to": True}
_TEAM: Final = {"people": True, "territories": False}
_TERRITORY: Final = {"lead": True, "people": True}
_UTC: Final = ZoneInfo("UTC")
EVERYBODY: Final = "everybody"
"""The team that is there without being written down: all people."""


@dataclass(frozen=True)
class Person:
    """Somebody who calls leads."""

    id: str
    name: str
    email: str | None = None
    channel: str | None = None
    """Where its own alerts go (`alert: owner`); None: nowhere of its own."""
    capacity: float = float("inf")
    """Leads at a time."""
    away: tuple[tuple[date, date], ...] = ()
    """Days, first and last, on which it takes none."""

    def is_there(self, day: date) -> bool:
        """Whether it works on a day."""
        return not any(first <= day <= last for first, last in self.away)


@dataclass(frozen=True)
class Territory:
    """Leads that some of a team serve."""

    holds: Condition[Mapping[str, Any]]
    people: tuple[str, ...]


@dataclass(frozen=True)
class Group:
    """People who share leads; the first territory that holds counts."""

    people: tuple[str, ...]
    territories: tuple[Territory, ...] = ()


@dataclass(frozen=True)
class Team:
    """Everybody."""

    people: Mapping[str, Person] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    timezone: ZoneInfo = _UTC

    def group(self, name: str | None) -> Group | None:
        """A team by its name; without one the first of the file, else everybody."""
        if name is None:
            return next(iter(self.groups.values()), Group(tuple(self.people)))
        return Group(tuple(self.people)) if name == EVERYBODY else self.groups.get(name)

    def person(self, told: object) -> Person | None:
        """Somebody by id, address or name, as a CRM may write it."""
        if not isinstance(told, str) or not told.strip():
            return None
        wanted = told.strip().casefold()
        return next(
            (
                one
                for one in self.people.values()
                if wanted in (one.id.casefold(), (one.email or "").casefold(), one.name.casefold())
            ),
            None,
        )

    def day(self, moment: Micros) -> date:
        """The day that the team has at a moment."""
        return datetime.fromtimestamp(moment / SECOND, UTC).astimezone(self.timezone).date()


def load_team(path: Path) -> Team:
    """The team of a file; TeamError names everything that is wrong with it."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no UTF-8 text"
        problem = Problem(str(path), 1, "file", f"cannot be read ({why}): expected a YAML file of the team")
        raise TeamError([problem]) from None
    return parse_team(text, str(path))


def parse_team(text: str, file: str) -> Team:
    """The team of a file's text.

    >>> team = parse_team("people: {claire: {email: claire@acme.fr, capacity: 15}, paul: {}}", "team.yml")
    >>> team.person("Claire@acme.fr").capacity, team.group(None).people
    (15.0, ('claire', 'paul'))
    """
    return _Reader(YamlFile(text, file)).team()


class _Reader:
    """Goes through a file and notes every problem on its way."""

    def __init__(self, file: YamlFile) -> None:
        self._check = Checked(file)

    def team(self) -> Team:
        check = self._check
        top = check.mapping(check.data, (), _TOP, "a team, such as people: {claire: {name: Claire Martin}}")
        people = self._people(top.get("people", {}))
        groups = self._groups(top.get("teams", {}), people)
        timezone = self._timezone(top.get("timezone", "UTC"))
        if check.problems:
            raise TeamError(check.problems)
        return Team(people, groups, timezone)

    def _timezone(self, told: Any) -> ZoneInfo:
        try:
            return ZoneInfo(told)
        except (KeyError, ValueError, TypeError, OSError):
            self._check.report(("timezone",), "expected a time zone, such as Europe/Paris")
            return ZoneInfo("UTC")

    def _named(self, told: Any, where: Where, example: str) -> dict[str, Any]:
        if not isinstance(told, dict) or not told:
            self._check.report(where, f"expected names with what they are, such as {example}")
            return {}
        return {self._check.name(name, (*where, name), "claire"): inner for name, inner in told.items()}

    def _people(self, told: Any) -> dict[str, Person]:
        named = self._named(told, ("people",), "claire: {name: Claire Martin}")
        return {name: self._person(name, inner, ("people", name)) for name, inner in named.items()}

    def _person(self, name: str, told: Any, where: Where) -> Person:
        check = self._check
        fields = check.mapping(told, where, _PERSON, "a person, such as {name: Claire Martin, capacity: 15}")
        capacity = float("inf")
        if "capacity" in fields:
            capacity = check.number(fields["capacity"], (*where, "capacity"), "15", least=0)
        texts = {
            part: check.text(fields[part], (*where, part), f"claire ({part})")
            for part in ("name", "email", "channel")
            if part in fields
        }
        away = fields.get("away", [])
        if not isinstance(away, list):
            check.report((*where, "away"), "expected a list, such as [{from: 2026-12-21, to: 2027-01-02}]")
            away = []
        days = [self._away(one, (*where, "away", place)) for place, one in enumerate(away)]
        found = (texts.get("name", name), texts.get("email"), texts.get("channel"))
        return Person(name, *found, capacity, tuple(one for one in days if one is not None))

    def _away(self, told: Any, where: Where) -> tuple[date, date] | None:
        fields = self._check.mapping(told, where, _AWAY, "days, such as {from: 2026-12-21, to: 2027-01-02}")
        try:
            first, last = (date.fromisoformat(str(fields.get(name))) for name in ("from", "to"))
        except ValueError:
            self._check.report(where, "expected two days, such as {from: 2026-12-21, to: 2027-01-02}")
            return None
        if last < first:
            self._check.report((*where, "to"), f"{last} is before {first}: expected the last day away")
        return first, last

    def _groups(self, told: Any, people: Mapping[str, Person]) -> dict[str, Group]:
        if told == {}:
            return {}
        named = self._named(told, ("teams",), "sales: {people: [claire, paul]}")
        return {name: self._group(inner, ("teams", name), people) for name, inner in named.items()}

    def _group(self, told: Any, where: Where, people: Mapping[str, Person]) -> Group:
        check = self._check
        fields = check.mapping(told, where, _TEAM, "a team, such as {people: [claire, paul]}")
        members = self._members(fields.get("people"), (*where, "people"), people)
        listed = fields.get("territories", [])
        if not isinstance(listed, list):
            check.report((*where, "territories"), "expected a list of {lead: …, people: [claire]}")
            listed = []
        territories = []
        for place, one in enumerate(listed):
            here: Where = (*where, "territories", place)
            inner = check.mapping(one, here, _TERRITORY, "a territory: {lead: …, people: [claire]}")
            conditions = Conditions(trait_field, check.report)
            holds = conditions.parse(inner.get("lead"), (*here, "lead"))
            served = self._members(inner.get("people"), (*here, "people"), people)
            territories.append(Territory(holds, served))
        return Group(members, tuple(territories))

    def _members(self, told: Any, where: Where, people: Mapping[str, Person]) -> tuple[str, ...]:
        if not isinstance(told, list) or not told:
            self._check.report(where, "expected a list of people, such as [claire, paul]")
            return ()
        for place, one in enumerate(told):
            if one not in people:
                right = self._check.choice(one, people)
                self._check.report((*where, place), f"{one!r} is none of the people: {right}")
        return tuple(dict.fromkeys(one for one in told if one in people))
