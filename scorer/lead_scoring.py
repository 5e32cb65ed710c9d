"""The scoring of leads: what an event is evidence of, the steps of the walk, the alerts that they set off."""

import math
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from scorer import handover, topics
from scorer.alerts import alert, due, withdrawal
from scorer.errors import EventError
from scorer.event import RETRACT, Event
from scorer.evidence import Evidence
from scorer.handover import Moved, Tie
from scorer.identity import TYING, tied
from scorer.ids import digest
from scorer.messages import Changes, Send
from scorer.plan import Plan
from scorer.resident import Resident
from scorer.silence import NO_HISTORY, header
from scorer.slots import DOUBTFUL
from scorer.times import Micros
from scorer.walk import NOWHERE, Change, Walker

MOST_OWED_BYTES: Final = 1 << 20
"""Of a lead's outbox before it must be sent: it is part of the state, and Kafka's records have limits."""

MOST_TRAIT_BYTES: Final = 512_000
"""Of all traits of a lead, each alert repeats them."""


class LeadScoring:
    """Scores leads by a plan, and takes down what is to be written and sent."""

    def __init__(
        self, plan: Plan, remembered_ids: int, on_change: Callable[[str, Change], None] | None
    ) -> None:
        self.plan = plan
        self.changes = Changes()
        self.silent_until = NO_HISTORY
        """Of the record in work: it is history where this is anything else."""
        self.full = False
        """A lead owes so much that no record is taken before the next flush."""
        self._remembered = remembered_ids
        self._on_change = on_change

    def start_over(self) -> Changes:
        """What was taken down since it was asked last."""
        changes, self.changes = self.changes, Changes()
        self.full = False
        return changes

    def apply(
        self, key: bytes, resident: Resident, event: Event, event_id: str, moment: int, arrival: int
    ) -> str:
        """Scores an event on its lead; says what came of it: `scored`, `duplicate` or `robot`."""
        evidence, walker = resident.lead.evidence, resident.walker
        if event.type == "identify":
            _require_room(evidence, event)
        mark = digest(event_id)
        if evidence.seen(mark):
            return "duplicate"
        evidence.remember(mark, self._remembered)
        if event.by_robot:
            return "robot"
        if event.type == RETRACT:
            self._take_back(key, resident, event.original(), moment, arrival)
            return "scored"
        decided = max(arrival, moment, walker.course.moment)
        if decided > walker.quiet_until:
            self.announce(key, resident, walker.pass_time(decided - 1))
        if self.plan.gains:
            walker.look(decided, event)
        raised = evidence.add(event, moment, self.plan, walker.may_fall)
        if event.type == "identify" and resident.regate():
            raised = math.inf
        absorbed = walker.absorbs(raised, decided)
        if not absorbed or self.plan.answers or self.plan.gains:
            stood = walker.course.stood if event.type in DOUBTFUL else None
            changes = () if absorbed else walker.decide(decided)
            if absorbed and self.plan.gains:
                changes = tuple(walker.weigh(raised))
            if self.plan.answers:
                changes += tuple(walker.answers(event))
            told = self.announce(key, resident, changes) if changes else []
            if stood:
                walker.doubt(stood, changes, told, mark)
        if event.type in TYING:
            said = tied(event)
            if said and said[0].encode() != key:
                other, by_alias = said
                self.hand(resident, other, Tie(key.decode(), moment, by_alias), arrival)
        return "scored"

    def _take_back(self, key: bytes, resident: Resident, original: Event, moment: int, arrival: int) -> None:
        """Takes back what an event did, or keeps it from counting where it has not come yet."""
        evidence, walker = resident.lead.evidence, resident.walker
        mark = digest(str(original.id))
        if not evidence.seen(mark):
            evidence.remember(mark, self._remembered)
            return
        if original.by_robot or walker.course.tier == NOWHERE:
            return
        decided = max(arrival, walker.course.moment)
        self.announce(key, resident, walker.pass_time(decided - 1))
        if self.plan.gains:
            walker.look(decided)
        evidence.take_back(original, moment, self.plan)
        left = walker.course.tier
        changes, void = walker.step_back(moment, decided, mark)
        for raised in void:
            value = msgspec.json.encode(withdrawal(key.decode(), raised, left, walker))
            self.owe(resident, Send(topics.ALERTS, key, value, walker.course.moment))
        self.announce(key, resident, changes)

    def merge(self, key: bytes, resident: Resident, message: Moved, arrival: int) -> None:
        """Takes in all that another id was, and goes on from the higher of the two tiers."""
        lead, walker = resident.lead, resident.walker
        decided = max(arrival, lead.course.moment, message.course.moment, message.evidence.newest)
        self.announce(key, resident, walker.pass_time(decided - 1))
        if self.plan.gains:
            other = Walker(self.plan, message.evidence, message.course)
            for each in (walker, other):
                if each.course.tier != NOWHERE:
                    each.look(decided)
        lead.evidence.merge(message.evidence, self.plan)
        lead.evidence.members = [member for member in lead.evidence.members if member != key.decode()]
        walker.join(message.course)
        resident.regate()
        if lead.course.tier != NOWHERE:
            self.announce(key, resident, walker.decide(decided))

    def let_pass(self, key: bytes, resident: Resident, now: int) -> None:
        """Lets time pass; where it was let wait for a history, only what is announced of it is news."""
        course = resident.lead.course
        resident.happened(news=not resident.regridded and course.moment > course.silent_until)
        self.announce(key, resident, resident.walker.pass_time(now))

    def announce(self, key: bytes, resident: Resident, changes: Iterable[Change]) -> list[tuple[str, str]]:
        """Puts the alerts that steps of the walk set off into the lead's outbox; their ids and plays."""
        told = []
        for change in changes:
            if self._on_change is not None and change.play is None:
                self._on_change(key.decode(), change)
            if self._silent(change, resident):
                continue
            resident.happened(news=True)
            for play in due(change, resident.walker):
                record = alert(key.decode(), play, change, resident.walker)
                self.owe(resident, Send(topics.ALERTS, key, msgspec.json.encode(record), change.at))
                told.append((record["id"], play.id))
                by_play = self.changes.alerts_by_play
                by_play[play.id] = by_play.get(play.id, 0) + 1
        return told

    def _silent(self, change: Change, resident: Resident) -> bool:
        """Whether a step is of history: what one of its records did, or time while it was being imported."""
        past = change.by_time and change.at <= resident.lead.course.silent_until
        return past or self.silent_until != NO_HISTORY

    def hand(self, resident: Resident, to: str, message: handover.Message, arrival: int) -> None:
        """Puts a hand-over to another id into the lead's outbox."""
        self.owe(resident, self.handover(to.encode(), message, arrival))

    def handover(self, to: bytes, message: handover.Message, arrival: int) -> Send:
        """What the record in work makes of another id is history where that record is."""
        headers = (header(Micros(self.silent_until)),) if self.silent_until != NO_HISTORY else ()
        return Send(topics.HANDOVER, to, handover.encode(message), arrival, headers)

    def owe(self, resident: Resident, send: Send) -> None:
        """Puts a record into the lead's outbox."""
        resident.owe(send)
        if resident.owed > MOST_OWED_BYTES:
            self.full = True

    def count(self, topic: str, result: str) -> None:
        """Counts a record of a topic by what came of it."""
        counts = self.changes.counts
        counts[topic, result] = counts.get((topic, result), 0) + 1


def _require_room(evidence: Evidence, event: Event) -> None:
    held = sum(len(text) for _, text in evidence.traits.values())
    if held + len(bytes(event.traits)) > MOST_TRAIT_BYTES:
        raise EventError(f"the lead's traits would be more than {MOST_TRAIT_BYTES:,} bytes in all")
