"""Identities: which lead an event belongs to, by the ties and aliases known."""

from bisect import insort
from dataclasses import dataclass, field
from typing import Final

from scorer.event import Event
from scorer.ids import somebody


@dataclass(slots=True)
class Identities:
    """Ties of anonymous ids to leads, each from its own time on, and leads that became one by `alias`."""

    known: set[str] = field(default_factory=set)
    ties: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    promised: dict[str, list[str]] = field(default_factory=dict)
    """The leads that an id, not known yet, is one with once it is."""

    def root(self, lead: str) -> str:
        """The lead that a known id has become."""
        while lead in self.aliases:
            lead = self.aliases[lead]
        return lead

    def owner(self, event: Event, moment: int) -> str:
        """The lead of an event of this moment (microseconds)."""
        return self.root(event.lead_id) if event.lead_id else self.holder(event.anonymous_id or "", moment)

    def holder(self, identity: str, moment: int) -> str:
        """The lead that an id stood for at a moment; before its first tie, the lead of that one."""
        if identity in self.known:
            return self.root(identity)
        ties = self.ties.get(identity)
        if not ties:
            return identity
        before = [lead for time, lead in ties if time <= moment]
        return self.root(before[-1] if before else ties[0][1])

    def meet(self, lead: str) -> list[str]:
        """A lead comes, and is known for good; the leads that became others, by what aliases said before."""
        if lead in self.known:
            return []
        self.known.add(lead)
        became = [self._merge(lead, other) for other in self.promised.pop(lead, ())]
        return [former for former in became if former is not None]

    def learn(self, other: str, moment: int, lead: str, *, by_alias: bool) -> str | None:
        """Takes in that from a moment on an id is a known lead's; the id whose past is now too, if any.

        A known id ties to nothing; by an alias it becomes the lead, unless that would close a circle.
        """
        if other in self.known:
            return self._merge(other, lead) if by_alias else None
        if by_alias:
            self.promised.setdefault(other, []).append(lead)
        ties = self.ties.setdefault(other, [])
        if (moment, lead) not in ties:
            insort(ties, (moment, lead))
        return other if len(ties) == 1 else None

    def _merge(self, previous: str, lead: str) -> str | None:
        became, lead = self.root(previous), self.root(lead)
        if became == lead:
            return None
        self.aliases[became] = lead
        return became

    def members(self) -> dict[str, list[str]]:
        """Every other id that each lead has gone by."""
        found: dict[str, set[str]] = {}
        for previous in self.aliases:
            found.setdefault(self.root(previous), set()).add(previous)
        for identity, ties in self.ties.items():
            if identity not in self.known:
                for _, lead in ties:
                    found.setdefault(self.root(lead), set()).add(identity)
        return {lead: sorted(members - {lead}) for lead, members in found.items()}


TYING: Final = frozenset({"identify", "alias"})
"""The types of event that say of an id whose it is."""


def tied(event: Event) -> tuple[str, bool] | None:
    """The other id that an event says is its lead's, and whether by `alias`; None where it says nothing.

    >>> from scorer.event import decode
    >>> tied(decode(b'{"type": "identify", "lead_id": "u", "anonymous_id": "a"}'))
    ('a', False)
    """
    if event.lead_id is None:
        return None
    other = None
    if event.type == "identify":
        other = event.anonymous_id
    elif event.type == "alias":
        previous = (event.properties or {}).get("previous_id")
        other = somebody(previous) if isinstance(previous, str) else None
    return None if other is None or other == event.lead_id else (other, event.type == "alias")
