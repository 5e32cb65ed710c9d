"""Identities: which lead an event belongs to, by the ties and aliases known."""

from bisect import insort
from dataclasses import dataclass, field

from scorer.event import Event
from scorer.ids import somebody


@dataclass(slots=True)
class Identities:
    """Ties of anonymous ids to leads, each from its own time on, and leads that became one by `alias`."""

    known: set[str] = field(default_factory=set)
    ties: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)

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

    def tie(self, identity: str, moment: int, lead: str) -> bool:
        """Ties an id to a lead from a moment on; says whether it did: a known id ties to nothing."""
        ties = self.ties.setdefault(identity, [])
        if identity in self.known or identity == lead or (moment, lead) in ties:
            return False
        insort(ties, (moment, lead))
        return True

    def alias(self, previous: str, lead: str) -> bool:
        """Makes a known id one with a lead; says whether it did: a circle is ignored."""
        became, lead = self.root(previous), self.root(lead)
        if became == lead:
            return False
        self.aliases[became] = lead
        return True

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
