"""How a lead goes through sequences and surveys: from a row and what happened, or the time, to the next row.

Pure: no clock and no I/O. A method changes the row that it is given, which nobody else holds.
"""

from collections.abc import Callable, Collection
from typing import Final, Literal

import msgspec

from connectors.nurture.happenings import Action, Gone, Happened, Happening, Raised, Scored
from connectors.nurture.permission import refusal
from connectors.nurture.plan import Branch, Cap, Jump, Plan, Post, Sequence, Stop, Survey, View, Wait
from connectors.nurture.row import (
    Answer,
    Facts,
    Fate,
    Kind,
    Outgoing,
    Place,
    Row,
    Run,
    Sent,
    Waiting,
    message_of,
)
from connectors.nurture.suppression import graver
from scorer.event import RETRACT, Event
from scorer.times import DAY, SECOND, Micros

RATED: Final = "survey_answered"
"""The event by which the gateway tells of an answer: it becomes an `nps`, with what the row knows."""
_MOST_SENT: Final = 100
_MOST_SEEN: Final = 60
_MOST_WAITING: Final = 10
_MOST_ANSWERS: Final = 20
_MOST_HITS: Final = 10
"""Openings, and clicks, of a mail that are told apart."""
_MOST_MARK: Final = 16
_WAITS_AT_MOST: Final = 30 * DAY
"""A sequence or survey that could not begin for so long does not begin any more."""
_MERGED_KEPT: Final = 30 * DAY
_RETRIES: Final = (60, 300, 1_800, 7_200, 21_600, 43_200, 86_400)
"""Seconds before the second attempt, the third, …: two days in all, as mail servers do."""
_JITTER: Final = 0.25
_ACCEPTED: Final = "accepted"
_SUPPRESSING: Final = {"unsubscribe": "unsubscribed", "email_complaint": "complained"}

Blocked = Callable[[Row], bool]
"""Whether the lead's address is on the list of those that get no mail any more."""


class Walk:
    """The plan in force; `blocked` asks the list of addresses."""

    def __init__(self, plan: Plan, blocked: Blocked = lambda row: False) -> None:
        self._plan = plan
        self._blocked = blocked
        self.turned_away: list[tuple[str, str]] = []
        """Sequences and surveys that did not begin, and why: for whoever counts."""

    def take(self, row: Row, happening: Happening) -> None:
        """Something happened."""
        match happening:
            case Raised():
                self._raised(row, happening)
            case Scored():
                self._learn(row, happening.facts)
                row.merged = 0
            case Gone():
                row.merged = happening.at
            case Happened():
                self._happened(row, happening.event, happening)

    def advance(self, row: Row, now: int) -> Outgoing | None:
        """Lets time pass; a mail that is to be sent now, once the row is kept. `now` never goes back."""
        if row.merged:
            return None
        if row.suppressed or self._blocked(row):
            self._close(row, now, row.suppressed or "address suppressed")
        while True:
            if row.outgoing is not None:
                if row.outgoing.kind == "sequence" and not _inside(row, row.outgoing):
                    self._abandon(row, now)
                    continue
                return self._post(row, row.outgoing, now)
            if not (self._begin_survey(row, now) or self._begin_sequence(row, now) or self._go(row, now)):
                return None

    def settle(
        self,
        row: Row,
        outgoing: Outgoing,
        fate: Fate | Literal["later"],
        why: str,
        now: int,
        after_s: float = 0,
    ) -> None:
        """What became of a mail that was to be sent; `later`: it was neither taken nor refused."""
        if fate == "later":
            if row.outgoing is not None and row.outgoing.message == outgoing.message:
                if outgoing.attempts <= len(_RETRIES):
                    row.outgoing.due = now + int(max(_delay_s(outgoing), after_s) * SECOND)
                    return
                fate = "failed"
            else:
                return
        mine = row.outgoing is not None and row.outgoing.message == outgoing.message
        if mine or all(one.message != outgoing.message for one in row.sent):
            self._note(row, outgoing, fate, why)
        if mine:
            row.outgoing = None
            if row.place is not None and _inside(row, outgoing):
                self._step_on(row, row.place, now)
        if fate == "bounced":
            self._close(row, now, "bounced", for_good=True)

    def adopt(self, row: Row, other: Row) -> None:
        """Takes over the row of an id that is part of this lead now; twice is as once."""
        if other.lead in row.adopted or other.lead == row.lead:
            return
        row.adopted.append(other.lead)
        known = {one.message for one in row.sent}
        row.sent = sorted([*row.sent, *(one for one in other.sent if one.message not in known)], key=_when)
        row.runs = {**other.runs, **row.runs}
        row.answers = sorted([*other.answers, *row.answers], key=lambda one: one.at)
        row.seen = [*other.seen, *row.seen][-_MOST_SEEN:]
        row.waiting += other.waiting
        row.suppressed = graver(row.suppressed, other.suppressed)
        if row.place is None and row.outgoing is None:
            row.place, row.outgoing = other.place, other.outgoing
        self._learn(row, other.facts)

    def lift(self, row: Row, reasons: Collection[str]) -> None:
        """Mails may go again. What had ended stays ended: the next play begins something."""
        if row.suppressed in reasons:
            row.suppressed = ""

    def next_due(self, row: Row) -> Micros | None:
        """The next moment at which `advance` may do something; None: not by time alone."""
        if row.merged:
            return None
        if row.suppressed:
            return Micros(0) if row.place or row.waiting or row.outgoing else None
        if row.outgoing is not None:
            return Micros(row.outgoing.due)
        dues = [one.due for one in row.waiting if row.facts.at and self._is_next(row, one)]
        if row.place is not None:
            dues.append(row.place.due)
        return Micros(min(dues)) if dues else None

    def forgettable(self, row: Row, now: int) -> bool:
        """Whether the row says nothing (any more)."""
        return row.empty or bool(row.merged and now - row.merged > _MERGED_KEPT)

    def _learn(self, row: Row, facts: Facts) -> None:
        if facts.at < row.facts.at:
            return
        tier = facts.tier or row.facts.tier
        row.facts = msgspec.structs.replace(facts, tier=tier)
        sequence = self._plan.sequences.get(row.place.sequence) if row.place else None
        if sequence is not None and tier in sequence.exit_tiers:
            self._leave(row, facts.at, f"tier {tier}")

    def _raised(self, row: Row, alert: Raised) -> None:
        self._learn(row, alert.facts)
        if alert.withdrawn is not None:
            row.waiting = [one for one in row.waiting if one.alert != alert.withdrawn]
            if row.place is not None and row.place.alert == alert.withdrawn:
                self._leave(row, alert.at, "withdrawn")
            return
        if not self._first(row, alert.id):
            return
        if alert.assigned:
            self._taken(row, alert.at)
        for action in alert.actions:
            self._act(row, alert, action)

    def _act(self, row: Row, alert: Raised, action: Action) -> None:
        how, name = action
        if how == "stop":
            row.waiting = [one for one in row.waiting if name not in ("all", one.name)]
            if row.place is not None and name in ("all", row.place.sequence):
                self._leave(row, alert.at, "stopped")
        elif name not in (self._plan.surveys if how == "survey" else self._plan.sequences):
            self.turned_away.append((name, "not in the file"))
        else:
            if how == "move" and row.place is not None and row.place.sequence != name:
                self._leave(row, alert.at, f"moved to {name}")
            kind: Kind = "survey" if how == "survey" else "sequence"
            self._queue(row, Waiting(kind, name, alert.at, alert.id, alert.expires))

    def _queue(self, row: Row, wanted: Waiting) -> None:
        there = any(one.kind == wanted.kind and one.name == wanted.name for one in row.waiting)
        inside = row.place is not None and wanted.kind == "sequence" and row.place.sequence == wanted.name
        if there or inside:
            self.turned_away.append((wanted.name, "already in it"))
        elif len(row.waiting) < _MOST_WAITING:
            row.waiting.append(wanted)

    def _first(self, row: Row, identity: str) -> bool:
        """Whether this is heard of for the first time."""
        if identity in row.seen:
            return False
        row.seen = [*row.seen, identity][-_MOST_SEEN:]
        return True

    def _happened(self, row: Row, event: Event, told: Happened) -> None:
        if event.type == RETRACT:
            self._hit(row, event.original(), taken_back=True)
            return
        if event.by_robot:
            return
        properties = event.properties or {}
        if event.type in ("email_open", "email_click"):
            self._hit(row, event)
        elif event.type in _SUPPRESSING:
            self._close(row, told.at, _SUPPRESSING[event.type], for_good=True)
        elif event.type == "email_bounce" and properties.get("bounce", "hard") == "hard":
            self._close(row, told.at, "bounced", for_good=True)
        elif event.type == "outcome" and properties.get("outcome") == _ACCEPTED and not told.history:
            self._taken(row, told.at)
        elif event.type == RATED:
            self._answered(row, event, told)
        if event.type in self._plan.events and not told.history and self._first(row, f"event/{told.id}"):
            self._begins_or_ends(row, event.type, told)

    def _begins_or_ends(self, row: Row, of_type: str, told: Happened) -> None:
        place = row.place
        if place is not None:
            if of_type in self._plan.asked and of_type not in place.events:
                place.events.append(of_type)
            sequence = self._plan.sequences.get(place.sequence)
            if sequence is not None and of_type in sequence.exit_events:
                self._leave(row, told.at, of_type)
        for survey in self._plan.surveys.values():
            if of_type in survey.starts:
                self._queue(row, Waiting("survey", survey.id, told.at + survey.delay, told.id))

    def _answered(self, row: Row, event: Event, told: Happened) -> None:
        properties = event.properties or {}
        rating, message = properties.get("rating"), str(properties.get("message_id", ""))
        if type(rating) is not int or not 0 <= rating <= 10 or not self._first(row, f"answer/{told.id}"):
            return
        answer = Answer(
            message,
            str(properties.get("survey", "")),
            rating,
            told.at,
            row.facts.score,
            row.facts.tier,
        )
        row.answers = [*row.answers, answer][-_MOST_ANSWERS:]

    def _hit(self, row: Row, event: Event, *, taken_back: bool = False) -> None:
        """A mail was opened, or a link in it clicked; what is taken back may have been said twice."""
        message, mark = (event.properties or {}).get("message_id"), str(event.id)[:_MOST_MARK]
        for one in row.sent:
            if one.message == message and event.type in ("email_open", "email_click"):
                hits = one.opened if event.type == "email_open" else one.clicked
                if taken_back:
                    hits[:] = [hit for hit in hits if hit != mark]
                elif mark not in hits and len(hits) < _MOST_HITS:
                    hits.append(mark)

    def _taken(self, row: Row, at: int) -> None:
        row.waiting = [one for one in row.waiting if one.kind == "survey"]
        self._leave(row, at, "taken by sales")

    def _close(self, row: Row, at: int, why: str, *, for_good: bool = False) -> None:
        """Nothing is sent any more: what was begun ends."""
        if for_good:
            row.suppressed = graver(row.suppressed, why)
        self._leave(row, at, why)
        row.waiting = []
        if row.outgoing is not None:
            self._abandon(row, at)

    def _leave(self, row: Row, at: int, why: str) -> None:
        place = row.place
        if place is not None:
            row.runs[place.sequence] = Run(place.run, place.entered, max(at, place.entered), why)
            row.place = None
        if row.outgoing is not None and row.outgoing.kind == "sequence" and not row.outgoing.attempts:
            row.outgoing = None

    def _abandon(self, row: Row, now: int) -> None:
        """A mail that is not tried again. An attempt may have succeeded: it counts as one that did."""
        outgoing, row.outgoing = row.outgoing, None
        if outgoing is not None and outgoing.attempts:
            self._note(row, outgoing, "sent", "not known: given up while it was being sent")

    def _note(self, row: Row, outgoing: Outgoing, fate: Fate, why: str) -> None:
        sent = Sent(
            outgoing.message,
            outgoing.kind,
            outgoing.campaign,
            outgoing.step,
            outgoing.at,
            fate,
            why,
            score=outgoing.score,
            tier=outgoing.tier,
        )
        row.sent = [*row.sent, sent][-_MOST_SENT:]

    def _is_next(self, row: Row, waiting: Waiting) -> bool:
        """Whether it need not wait for the sequence that the lead is in."""
        if waiting.kind == "survey" or row.place is None:
            return True
        return self._priority(waiting.name) > self._priority(row.place.sequence)

    def _priority(self, sequence: str) -> int:
        found = self._plan.sequences.get(sequence)
        return -1_000_000 if found is None else found.priority

    def _begin_survey(self, row: Row, now: int) -> bool:
        for one in row.waiting:
            if one.kind == "survey" and one.due <= now and (row.facts.at or now - one.due > _WAITS_AT_MOST):
                row.waiting = [other for other in row.waiting if other is not one]
                survey = self._plan.surveys.get(one.name)
                why = "not in the file" if survey is None else self._against_survey(row, survey, one, now)
                if survey is None or why:
                    self.turned_away.append((one.name, why or ""))
                else:
                    message = message_of(row.lead, survey.id, one.alert, "survey")
                    self._write(row, Outgoing(message, "survey", survey.id, "survey", survey.mail, now, now))
                return True
        return False

    def _against_survey(self, row: Row, survey: Survey, waiting: Waiting, now: int) -> str | None:
        if now - waiting.due > _WAITS_AT_MOST or (waiting.until is not None and now > waiting.until):
            return "waited too long"
        last = max((one.at for one in row.sent if one.kind == "survey" and one.fate == "sent"), default=None)
        if last is not None and now - last < survey.every:
            return "asked not long ago"
        if survey.only_if is not None and not survey.only_if(self._view(row)):
            return "condition"
        return refusal(row.facts.traits, survey.consent, self._plan.roles)

    def _begin_sequence(self, row: Row, now: int) -> bool:
        if not row.facts.at:
            return False
        ready = [
            one
            for one in row.waiting
            if one.kind == "sequence" and one.due <= now and self._is_next(row, one)
        ]
        if not ready:
            return False
        one = max(ready, key=lambda waiting: (self._priority(waiting.name), -waiting.due))
        row.waiting = [other for other in row.waiting if other is not one]
        sequence = self._plan.sequences.get(one.name)
        why = "not in the file" if sequence is None else self._against(row, sequence, one, now)
        if sequence is None or why:
            self.turned_away.append((one.name, why or ""))
            return True
        if row.place is not None:
            self._leave(row, now, f"moved to {sequence.id}")
        run = row.runs[sequence.id].run + 1 if sequence.id in row.runs else 1
        row.place = Place(sequence.id, run, sequence.order[0], now, now, one.alert)
        return True

    def _against(self, row: Row, sequence: Sequence, waiting: Waiting, now: int) -> str | None:
        if now - waiting.due > _WAITS_AT_MOST or (waiting.until is not None and now > waiting.until):
            return "waited too long"
        if row.facts.tier in sequence.exit_tiers:
            return f"tier {row.facts.tier}"
        last = row.runs.get(sequence.id)
        if last is not None and (sequence.again is None or now - last.left < sequence.again):
            return "was in it not long ago"
        if sequence.only_if is not None and not sequence.only_if(self._view(row)):
            return "condition"
        return refusal(row.facts.traits, sequence.consent, self._plan.roles)

    def _go(self, row: Row, now: int) -> bool:
        """One instruction; False where none is due."""
        place = row.place
        if place is None or place.due > now:
            return False
        sequence = self._plan.sequences.get(place.sequence)
        instruction = None if sequence is None else sequence.program.get(place.step)
        if sequence is None or instruction is None:
            self._leave(row, now, "the file has changed")
            return True
        match instruction:
            case Stop():
                self._leave(row, now, "end")
            case Wait(lasts=lasts):
                place.step, place.due = sequence.after(place.step), place.due + lasts
            case Jump(to=to):
                place.step = to or sequence.after(place.step)
            case Branch(holds=holds, otherwise=otherwise):
                place.step = sequence.after(place.step) if holds(self._view(row)) else otherwise
            case Post(mail=mail):
                if why := refusal(row.facts.traits, sequence.consent, self._plan.roles):
                    self._leave(row, now, why)
                else:
                    message = message_of(row.lead, sequence.id, str(place.run), place.step)
                    outgoing = Outgoing(message, "sequence", sequence.id, place.step, mail, now, now)
                    if any(one.message == message for one in row.sent):
                        self._step_on(row, place, now)  # an adopted row was already there
                    else:
                        self._write(row, outgoing)
        return True

    def _write(self, row: Row, outgoing: Outgoing) -> None:
        outgoing.score, outgoing.tier = row.facts.score, row.facts.tier
        row.outgoing = outgoing

    def _post(self, row: Row, outgoing: Outgoing, now: int) -> Outgoing | None:
        """The mail, where its time has come."""
        if outgoing.due > now:
            return None
        free = self._free(row, outgoing, now) if not outgoing.attempts else now
        opens = self._plan.next_open(max(now, free))
        if opens > now:
            outgoing.due = opens
            return None
        if not outgoing.attempts:
            if why := self._forbidden(row, outgoing):
                row.outgoing = None
                self._note(row, outgoing, "refused", why)
                if outgoing.kind == "sequence":
                    self._leave(row, now, why)
                return None
            outgoing.at = now
        outgoing.attempts += 1
        return outgoing

    def _forbidden(self, row: Row, outgoing: Outgoing) -> str | None:
        """Asked once more: it may have waited for days."""
        found = (self._plan.surveys if outgoing.kind == "survey" else self._plan.sequences).get(
            outgoing.campaign
        )
        if found is None or outgoing.mail not in self._plan.mails:
            return "the file has changed"
        return refusal(row.facts.traits, found.consent, self._plan.roles)

    def _free(self, row: Row, outgoing: Outgoing, now: int) -> int:
        """When the caps let another mail go."""
        sequence = self._plan.sequences.get(outgoing.campaign) if outgoing.kind == "sequence" else None
        own = [one.at for one in row.sent if one.campaign == outgoing.campaign and one.fate == "sent"]
        every = [one.at for one in row.sent if one.fate == "sent"]
        return max(
            _free_of(self._plan.cap, every, now), _free_of(sequence.cap if sequence else None, own, now)
        )

    def _step_on(self, row: Row, place: Place, now: int) -> None:
        sequence = self._plan.sequences.get(place.sequence)
        if sequence is None or place.step not in sequence.program:
            self._leave(row, now, "the file has changed")
        else:
            place.step, place.due = sequence.after(place.step), now

    def _view(self, row: Row) -> View:
        place = row.place
        mine = [
            one for one in row.sent if place and one.campaign == place.sequence and one.at >= place.entered
        ]
        return View(
            row.facts.tier,
            row.facts.score,
            [one.step for one in mine if one.opened or one.clicked] or None,
            [one.step for one in mine if one.clicked] or None,
            (list(place.events) if place else []) or None,
            row.facts.traits,
        )


def _inside(row: Row, outgoing: Outgoing) -> bool:
    """Whether the lead is still at the step that a mail is of."""
    place = row.place
    return place is not None and (place.sequence, place.step) == (outgoing.campaign, outgoing.step)


def _delay_s(outgoing: Outgoing) -> float:
    """How long until the next attempt: a part depends on the mail, so that they don't come all at once."""
    return _RETRIES[outgoing.attempts - 1] * (1 + _JITTER * int(outgoing.message[:4], 16) / 0xFFFF)


def _free_of(cap: Cap | None, times: list[int], now: int) -> int:
    """The moment from which a cap lets one more go.

    >>> _free_of(Cap(2, 10), [1, 5], 6), _free_of(Cap(2, 10), [1, 5], 11), _free_of(None, [1], 6)
    (11, 11, 6)
    """
    if cap is None or len(times) < cap.mails:
        return now
    return max(now, sorted(times)[-cap.mails] + cap.within)


def _when(sent: Sent) -> int:
    return sent.at
