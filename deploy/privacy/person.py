"""Finds all ids of a person, by what the states in the changelog say of each other."""

from dataclasses import dataclass, field
from typing import Final

from deploy.errors import DeployError
from deploy.privacy.topic_log import read_all
from deploy.privacy.words import Names
from scorer.lead import Lead, StateError, decode
from scorer.residents import names_a_lead
from streams.config import changelog_name

_NAMING_TRAITS: Final = ("email", "phone")


class SharedError(DeployError):
    """An id of several people: it does not say who is meant."""


@dataclass(frozen=True, slots=True)
class Links:
    """What a state says of other ids."""

    known: bool
    redirect: str | None
    leads: frozenset[str]
    """The leads that it is tied to, where it is not a lead of its own."""
    others: frozenset[str]
    """Ids that it is made of."""

    @classmethod
    def of(cls, lead: Lead) -> "Links":
        """The links of a state."""
        leads = frozenset() if lead.known else frozenset(tied for _, tied in lead.ties if tied)
        return cls(lead.known, lead.redirect, leads, frozenset((*lead.evidence.members, *lead.handed)))


@dataclass
class Person:
    """The ids of a person, and what is kept of them."""

    ids: set[str]
    """Ids that are this person and nobody else."""
    shared: set[str] = field(default_factory=set)
    """Computers that others use too."""
    states: dict[str, Lead] = field(default_factory=dict)

    @property
    def root(self) -> str | None:
        """The id that holds the score."""
        held = [one for one, lead in self.states.items() if lead.known and lead.redirect is None]
        return held[0] if held else next(iter(sorted(self.states)), None)

    @property
    def left(self) -> bool:
        """Whether a state holds anything of the person."""
        tied = (lead for one, lead in self.states.items() if one in self.shared)
        return any(one in self.ids for one in self.states) or any(
            name in self.ids for lead in tied for _, name in lead.ties
        )

    def names(self) -> Names:
        """The ids, and the e-mail addresses and telephone numbers among the traits."""
        others = set()
        for one in self.ids & self.states.keys():
            values = self.states[one].evidence.values()
            others |= {str(values[name]) for name in _NAMING_TRAITS if values.get(name)}
        return Names(self.ids, others)


async def find(kafka: str, prefix: str, identities: set[str]) -> Person:
    """The person that these are ids of; SharedError where they could be several people's."""
    links = await _links(kafka, prefix)
    person = _closure(links, identities)
    wanted = {one.encode() for one in person.ids | person.shared}
    async for record in read_all(kafka, changelog_name(prefix)):
        if record.key in wanted:
            name = record.key.decode()
            person.states.pop(name, None)
            if record.value is not None:
                person.states[name] = decode(record.value)[0]
    return person


async def _links(kafka: str, prefix: str) -> dict[str, Links]:
    found: dict[str, Links] = {}
    async for record in read_all(kafka, changelog_name(prefix)):
        if record.key is None or not names_a_lead(record.key):
            continue
        name = record.key.decode(errors="replace")
        found.pop(name, None)
        if record.value is not None:
            try:
                found[name] = Links.of(decode(record.value)[0])
            except StateError:  # the worker says so
                continue
    return found


def _closure(links: dict[str, Links], identities: set[str]) -> Person:
    """All ids that are one with some."""
    ids = set(identities)
    for one in identities:
        leads = links[one].leads if one in links else frozenset()
        if len(leads - ids) > 1 or (leads & ids and leads - ids):
            told = ", ".join(sorted(leads))
            raise SharedError(f"{one} is an id that several people used ({told}): name one of those")
        ids |= leads
    pointing: dict[str, set[str]] = {}
    for name, link in links.items():
        for lead in (*link.leads, *([link.redirect] if link.redirect else ())):
            pointing.setdefault(lead, set()).add(name)
    shared: set[str] = set()
    open_ids = set(ids)
    while open_ids:
        one = open_ids.pop()
        near = set(pointing.get(one, ()))
        if own := links.get(one):
            near |= own.others
            if own.redirect and own.redirect not in ids:
                ids.add(own.redirect)
                open_ids.add(own.redirect)
        for other in near - ids:
            if _is_one_with(links.get(other), ids):
                ids.add(other)
                open_ids.add(other)
                shared.discard(other)
            elif links[other].leads & ids:
                shared.add(other)
    return Person(ids, shared)


def _is_one_with(link: Links | None, ids: set[str]) -> bool:
    """Whether an id near a person is that person, and nobody else."""
    if link is None:
        return True
    return link.redirect in ids if link.known else link.leads <= ids
