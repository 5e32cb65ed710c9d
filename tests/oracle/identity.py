"""Who an event belongs to: ties by time, aliases, ids known as leads, naively."""

from dataclasses import dataclass, field

from tests.oracle.lines import Happening, somebody


@dataclass
class People:
    """What is known so far of who is who."""

    known: set[str] = field(default_factory=set)  # ids that ever came as lead_id
    ties: dict[str, list[tuple[int, str]]] = field(default_factory=dict)  # anonymous id: (time, lead)
    renamed: dict[str, str] = field(default_factory=dict)  # by aliases between known leads
    promised: dict[str, list[str]] = field(default_factory=dict)  # aliases of ids not known yet

    def root(self, lead: str) -> str:
        """The id under which a known lead goes now."""
        while lead in self.renamed:
            lead = self.renamed[lead]
        return lead

    def owner(self, happening: Happening) -> str:
        """The lead (or yet untied anonymous id) that an event belongs to."""
        if happening.lead_id is not None:
            return self.root(happening.lead_id)
        assert happening.anonymous_id is not None
        return self.owner_at(happening.anonymous_id, happening.time)

    def owner_at(self, anonymous: str, time: int) -> str:
        """Whom an anonymous id stood for at a time: its newest tie by then, else its first.

        Of ties at one time (which the contract leaves open) the greater lead id counts as the later.
        """
        if anonymous in self.known or anonymous not in self.ties:
            return self.root(anonymous)
        ties = sorted(self.ties[anonymous])
        before = [tie for tie in ties if tie[0] <= time]
        return self.root((before[-1] if before else ties[0])[1])

    def meet(self, happening: Happening) -> list[tuple[str, str]]:
        """Every lead_id is known for good; gives each former lead that is now another, by earlier aliases."""
        lead = happening.lead_id
        if lead is None or lead in self.known:
            return []
        self.known.add(lead)
        merged = []
        for other in self.promised.pop(lead, []):
            former, now = self.root(lead), self.root(other)
            if former != now:
                self.renamed[former] = now
                merged.append((former, now))
        return merged

    def learn(self, happening: Happening) -> str | None:
        """Take in a tie or an alias; gives the former lead that is now the event's, if any."""
        lead = happening.lead_id
        other = None
        if happening.type == "identify":
            other = happening.anonymous_id
        elif happening.type == "alias":
            other = somebody(happening.properties.get("previous_id"))
        if lead is None or other is None or other == lead:
            return None
        if other not in self.known:
            first = other not in self.ties
            self.ties.setdefault(other, []).append((happening.time, lead))
            if happening.type == "alias":
                self.promised.setdefault(other, []).append(lead)
            return other if first else None
        if happening.type == "identify" or self.root(other) == self.root(lead):
            return None
        former = self.root(other)
        self.renamed[former] = self.root(lead)
        return former

    def identities(self, lead: str) -> list[str]:
        """The lead's own id first, then every other id that is or once was the lead."""
        others = {former for former in self.renamed if self.root(former) == lead}
        for anonymous, ties in self.ties.items():
            if anonymous not in self.known and any(self.root(tied) == lead for _, tied in ties):
                others.add(anonymous)
        return [lead, *sorted(others - {lead})]


def first_copies(happenings: list[Happening]) -> list[Happening]:
    """Without second events of an id that the same lead, at the moment of arrival, already had."""
    people = People()
    seen: dict[str, set[str]] = {}
    kept = []
    for happening in happenings:
        for former, now in people.meet(happening):
            seen.setdefault(now, set()).update(seen.pop(former, set()))
        owner = people.owner(happening)
        if happening.id in seen.get(owner, set()):
            continue
        former = people.learn(happening)
        if former is not None:
            seen.setdefault(owner, set()).update(seen.pop(former, set()))
        seen.setdefault(owner, set()).add(happening.id)
        kept.append(happening)
    return kept


def all_known(happenings: list[Happening]) -> People:
    """Everything these say of identities, as if it had always been known."""
    people = People()
    for happening in happenings:
        people.meet(happening)
    for happening in sorted(happenings, key=lambda happening: happening.order):
        people.learn(happening)
    return people
