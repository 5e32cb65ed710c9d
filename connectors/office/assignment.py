"""Chooses who calls a lead: who has it already, its account's, its owner's, its territory's, or in turn."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from connectors.office.rows import Assigned
from connectors.office.team import Group, Person, Team
from scorer.account_name import account_of
from scorer.times import Micros

ROUND_ROBIN: Final = "round-robin"
TERRITORY: Final = "territory"
OWNER: Final = "owner"
METHODS: Final = (ROUND_ROBIN, TERRITORY, OWNER)
_OWNER_TRAITS: Final = ("owner", "owner_email", "account_owner")
"""Where CRMs write whose account it is."""

Why = Literal["lead", "account", "owner", "territory", "turn", "nobody"]


@dataclass(frozen=True)
class Choice:
    """Who calls, and why; nobody where all who could are away or have as many leads as they can take."""

    person: Person | None
    why: Why


class Book:
    """Who has which leads: every assignment that was written down, on whichever partition."""

    def __init__(self) -> None:
        self._leads: dict[str, Assigned] = {}
        self._loads: dict[str, set[str]] = {}
        self._last: dict[str, int] = {}
        self._accounts: dict[str, dict[str, int]] = {}

    def note(self, lead: str, row: Assigned | None) -> None:
        """Takes up a lead's assignment; None: it has none any more."""
        before = self._leads.pop(lead, None)
        if before is not None:
            self._loads[before.person].discard(lead)
            if before.account is not None:
                self._accounts[before.account].pop(lead, None)
        if row is None:
            return
        self._leads[lead] = row
        self._last[row.person] = max(self._last.get(row.person, 0), row.at)
        load = self._loads.setdefault(row.person, set())
        if row.open:
            load.add(lead)
        if row.account is not None:
            self._accounts.setdefault(row.account, {})[lead] = row.at

    def of(self, lead: str) -> Assigned | None:
        """A lead's assignment."""
        return self._leads.get(lead)

    def of_account(self, account: str | None) -> str | None:
        """Who was given a lead of an account last."""
        leads = self._accounts.get(account or "")
        if not leads:
            return None
        return self._leads[max(leads, key=lambda one: (leads[one], one))].person

    def load(self, person: str) -> int:
        """How many leads somebody has that are not dealt with."""
        return len(self._loads.get(person, ()))

    def last(self, person: str) -> int:
        """When somebody was last given one; 0: never."""
        return self._last.get(person, 0)


def choose(
    team: Team, how: str | Mapping[str, Any], lead: str, traits: Mapping[str, Any], book: Book, now: Micros
) -> Choice:
    """Who is to call a lead.

    `how` is one of METHODS, a team's name, a person's, or {by: METHOD, team: NAME}. Whoever has the lead, or
    had one of its account last, keeps it while there, whatever the method says; then the owner that a CRM
    wrote into the traits; by `territory` the people of the first that holds; among several, who was given
    nothing for longest. Who is away, or has as many open leads as the file allows, is passed over.
    """
    group, by = _meant(team, how)
    day = team.day(now)

    def free(person: Person | None) -> bool:
        return person is not None and person.is_there(day)

    held = book.of(lead)
    if held is not None and free(team.people.get(held.person)):
        return Choice(team.people[held.person], "lead")
    owner = next((found for name in _OWNER_TRAITS if (found := team.person(traits.get(name)))), None)
    if by == OWNER and owner is not None and free(owner):
        return Choice(owner, "owner")
    colleague = team.people.get(book.of_account(account_of(traits)) or "")
    if colleague is not None and colleague.id in group.people and free(colleague):
        return Choice(colleague, "account")
    if by == TERRITORY:
        served = next((one.people for one in group.territories if one.holds(traits)), None)
        if served is not None and (person := _in_turn(team, served, book, now)):
            return Choice(person, "territory")
    person = _in_turn(team, group.people, book, now)
    return Choice(person, "turn" if person else "nobody")


def _in_turn(team: Team, people: Iterable[str], book: Book, now: Micros) -> Person | None:
    day = team.day(now)
    able = [
        person
        for person in (team.people[one] for one in people)
        if person.is_there(day) and book.load(person.id) < person.capacity
    ]
    return min(able, key=lambda one: (book.last(one.id), book.load(one.id)), default=None)


def _meant(team: Team, how: str | Mapping[str, Any]) -> tuple[Group, str]:
    """The people and the method that an action names; everybody in turn where the file knows neither."""
    if isinstance(how, str):
        if how in METHODS:
            return team.group(None) or Group(()), how
        if how in team.people:
            return Group((how,)), ROUND_ROBIN
        return team.group(how) or Group(tuple(team.people)), ROUND_ROBIN
    name = how.get("team")
    return team.group(name) or Group(tuple(team.people)), str(how.get("by", ROUND_ROBIN))
