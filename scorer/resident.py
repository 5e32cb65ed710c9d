"""A lead in work: its state as objects, how it walks, and whose it is."""

from scorer import forgetting
from scorer.evidence import Evidence
from scorer.lead import Lead
from scorer.messages import Send
from scorer.plan import Plan
from scorer.times import FOREVER, NEVER
from scorer.walk import NOWHERE, Course, Walker


class Resident:
    """A lead in work."""

    __slots__ = (
        "arrival",
        "history",
        "kept_until",
        "lead",
        "news",
        "owed",
        "plan",
        "regridded",
        "revision",
        "stored",
        "timer",
        "walker",
    )

    def __init__(self, lead: Lead, plan: Plan) -> None:
        self.lead = lead
        self.plan = plan.fingerprint
        """The plan that it was last decided by."""
        self.walker = Walker(plan, lead.evidence, lead.course, lead.mask)
        self.owed = 0
        """Bytes that its outbox holds, about."""
        self.revision = 0
        """How often its state was written."""
        self.arrival = NEVER
        """The latest arrival of what was done to it."""
        self.kept_until = NEVER
        """It can't be forgotten before."""
        self.history = False
        """Its score record tells of nothing but history, or of another grid."""
        self.news = False
        """Something else has happened to it since it was taken into work."""
        self.regridded = False
        """It was decided by another grid since then."""
        self.stored = False
        """There is a state of it."""
        self.timer = FOREVER
        """What its timer was last set to."""

    def happened(self, *, news: bool) -> None:
        """Takes down whether what it is now, its score record is to tell as news."""
        self.news = self.news or news
        self.history = not self.news

    def owner(self, moment: int) -> str | None:
        """The lead that this id is or was at a moment; None: itself."""
        lead = self.lead
        if lead.redirect is not None:
            return lead.redirect
        if lead.known or not lead.ties:
            return None
        before = [name for time, name in lead.ties if time <= moment]
        return before[-1] if before else lead.ties[0][1]

    def becomes_known(self) -> list[tuple[str, str]]:
        """It came as a lead: for good. An earlier `alias` makes it that lead: gives whom to tell of whom."""
        lead = self.lead
        lead.known = True
        aliases, lead.aliases = lead.aliases, []
        if aliases:
            lead.redirect = aliases[0]
        return [(aliases[0], other) for other in aliases[1:]]

    def owe(self, send: Send) -> None:
        """Puts a record into the outbox."""
        self.lead.outbox.append(send)
        self.owed += len(send.value or b"")

    def next_number(self) -> int:
        """The number of the next hand-over from this id."""
        self.lead.sent += 1
        return self.lead.sent

    def regate(self) -> bool:
        """Asks the gates again, after traits changed; whether they are others now."""
        changed = self.walker.regate()
        self.lead.mask = self.walker.mask
        return changed

    def give_away(self) -> tuple[Evidence, Course]:
        """All that merges and the walk, that this id has no more.

        A lead's ids stay: a copy may come back to it, or go by another way, before what it is a copy of.
        """
        evidence, course = self.lead.evidence, self.lead.course
        self.lead.evidence = Evidence(ids=evidence.ids if self.lead.known else b"")
        self.lead.course = Course()
        self.walker = Walker(self.walker.plan, self.lead.evidence, self.lead.course, 0)
        self.regate()
        return evidence, course

    def pass_on(self, ids: bytes, most: int) -> None:
        """Remembers what a lead that it became is handed by way of it: see `give_away`."""
        self.lead.evidence.remember_before(ids, most)

    def breaks_circle(self, name: str, hops: list[str]) -> bool:
        """Whether aliases made at once form a circle that this id, its least, is to end from now on.

        They do where a message came by way of the id that it would be passed on to. It must not go round:
        what its sender sent later would arrive before it.
        """
        redirect = self.lead.redirect
        if redirect not in hops:
            return False
        since = len(hops) - 1 - hops[::-1].index(redirect)
        if name > min(hops[since:]):
            return False
        self.lead.redirect = None
        return True

    def wake(self, forget_after: int | None) -> int:
        """The moment at which time may change it, or it may be forgotten.

        While its history is imported time does not pass by itself: its next event may be an earlier one.
        """
        course = self.lead.course
        wake = FOREVER if course.tier == NOWHERE else max(self.walker.quiet_until, course.silent_until)
        if forget_after is not None and forgetting.is_nobody(self.lead):
            wake = min(wake, max(self.lead.evidence.newest + forget_after, self.kept_until))
        return wake
