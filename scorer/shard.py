"""The shard: the scoring of one partition, from records that came to what is to be written."""

from collections.abc import Callable, Iterable, MutableMapping
from itertools import filterfalse
from typing import Final

import msgspec

from scorer import erasure, handover, topics
from scorer.errors import EventError
from scorer.event import Event, decode
from scorer.handover import Allow, Erase, Forwarded, Misplaced, Moved, Tie
from scorer.ids import digest
from scorer.lead import MOST_TIES, REVISION_BITS, Lead
from scorer.lead_scoring import LeadScoring
from scorer.messages import Changes, DeadLetter, Header, Record, Send
from scorer.partitioner import partition_of
from scorer.plan import Plan
from scorer.record import topic_record
from scorer.resident import Resident
from scorer.residents import Residents
from scorer.retraction import counted_as, owned_at
from scorer.silence import NO_HISTORY, header, silent_until
from scorer.times import SECOND, Micros
from scorer.walk import NOWHERE, Change

AHEAD: Final = 300 * SECOND
"""An event that says it happened more than this after it was received happened when it was received."""

_MOST_SENDERS: Final = 4_096
"""Whose last hand-over to a lead is remembered: they send it again within a restart, if ever."""

_TIMERS_AT_ONCE: Final = 2_000
"""Leads decided anew in one `advance`, so that records are not kept waiting."""


class Shard:
    """All leads of one partition number, on every topic.

    It holds no clock and does no I/O: `receive` and `advance` change leads, `flush` says what is to be
    written, `settle` what remains once the outbox is acknowledged.
    """

    scoring: type[LeadScoring] = LeadScoring
    """Scores what is found to be of its leads."""

    def __init__(
        self,
        plan: Plan,
        store: MutableMapping[bytes, bytes],
        partition: int,
        partitions: int,
        remembered_ids: int = 64,
        forget_after: int | None = None,
        on_change: Callable[[str, Change], None] | None = None,
        erasure_key: bytes = b"",
    ) -> None:
        """`forget_after`: microseconds without an event, after which ids are forgotten that nobody is known
        behind; None: never."""
        self.plan = plan
        self._residents = Residents(plan, store, forget_after, erasure_key)
        self._partition = partition
        self._partitions = partitions
        self._remembered = remembered_ids
        self._scoring = self.scoring(plan, remembered_ids, on_change)

    @property
    def full(self) -> bool:
        """A lead owes so much that no record is taken before the next flush."""
        return self._scoring.full

    @property
    def leads(self) -> int:
        """How many states there are."""
        return len(self._residents)

    def recover(self, again: Iterable[bytes] = (), generation: int = 0) -> Changes:
        """After the store was filled: sets the timers; says what outboxes hold and what starts empty.

        `again`: leads to be written again as they are. `generation`: of the group; what is written in one
        supersedes what a worker of an earlier one still writes.

        The scores of the last cycles are made again: a crash may have come between their states and those.
        """
        self._residents.least_revision = generation << REVISION_BITS
        again = frozenset(again)
        self._scoring.changes.emptied = self._residents.recover(again)
        for key, resident in self._residents.touched.items():
            if key in again:
                _doubt_score(resident.lead)
        for key, resident, deleted_at in self._residents.last_cycles():
            if deleted_at is not None:
                resident.arrival = deleted_at
            _doubt_score(resident.lead)
            if key not in self._residents.touched:
                self._scoring.changes.scores += self._score(key, resident)
        return self.flush()

    def receive(self, records: Iterable[Record]) -> None:
        """Takes records in the order in which they count, until it is full."""
        for record in records:
            if record.value is None:
                self._scoring.count(record.topic, "ignored")
                continue
            try:
                self._scoring.silent_until = silent_until(record.headers) if record.headers else NO_HISTORY
                if record.topic == topics.HANDOVER:
                    self._take_message(record, record.value)
                else:
                    self._take_event(record, record.value)
            except EventError as error:
                self._scoring.changes.dead.append(DeadLetter(record, type(error).__name__, str(error)))
                self._scoring.count(record.topic, "failed")
            if self._scoring.full:
                break
        self._scoring.silent_until = NO_HISTORY

    def advance(self, now: int) -> None:
        """Lets time pass up to and with `now` for the leads that it may change."""
        for key in self._residents.due(now, _TIMERS_AT_ONCE):
            resident = self._take_up(key, now)
            if now >= resident.lead.course.silent_until:
                self._scoring.let_pass(key, resident, now)
            self._residents.review(key, now)

    def forget(self, committed: dict[str, int]) -> None:
        """Deletes the states that time has emptied and of which nothing comes again: `committed` tells, by
        topic, the next offset of this partition that is not committed yet."""
        self._scoring.changes.forgotten |= self._residents.forget(committed, _TIMERS_AT_ONCE)

    def next_wake(self) -> int | None:
        """The next moment at which time may change a lead."""
        return self._residents.next_wake()

    def regrid(self, plan: Plan) -> Changes:
        """Goes on with another grid: every lead is decided anew, silently, by the next calls of `advance`."""
        emptied = plan.emptied(frozenset(self.plan.slots))
        self.plan = self._scoring.plan = plan
        self._residents.regrid(plan)
        self._scoring.changes.emptied = emptied
        return self.flush()

    def flush(self) -> Changes:
        """Everything decided since the last flush; the states are in the store already."""
        changes = self._scoring.start_over()
        decided = [
            (key, self._score(key, resident), resident.lead.outbox)
            for key, resident in self._residents.touched.items()
        ]
        states, changes.refused = self._residents.store_touched()
        for key, scores, outbox in decided:
            if key not in changes.refused:
                changes.scores += scores
                changes.outbox += outbox
        # Deletions of those who were erased come again with the order, which is read again.
        marker, emptied = self._residents.mark_cycle(filterfalse(erasure.is_deletion, changes.scores))
        changes.states += [*marker, *states, *emptied]
        changes.unreadable = self._residents.unreadable()
        return changes

    def settle(self) -> list[tuple[bytes, bytes | None]]:
        """After everything flushed was acknowledged: the states without what they had still to send."""
        return self._residents.settle()

    def _score(self, key: bytes, resident: Resident) -> list[Send]:
        lead = resident.lead
        course = lead.course
        if resident.plan != self.plan.fingerprint:
            return []
        if course.tier == NOWHERE:
            if not lead.scored:
                return []
            lead.scored = False
            return [Send(topics.SCORES, key, None, max(resident.arrival, 0), _silence(resident))]
        lead.scored = True
        found = resident.walker.decided()
        value = topic_record(key.decode(), lead.evidence, course, found, self.plan, course.moment)
        return [Send(topics.SCORES, key, value, course.moment, _silence(resident))]

    def _take_up(self, key: bytes, arrival: int) -> Resident:
        resident = self._residents.touch(key, arrival)
        if arrival > resident.arrival:
            resident.arrival = arrival
        return resident

    def _touch(self, key: bytes, arrival: int) -> Resident:
        """The lead that the record in work is of."""
        resident = self._take_up(key, arrival)
        if not resident.news:
            resident.happened(news=self._scoring.silent_until == NO_HISTORY)
        if self._scoring.silent_until > resident.lead.course.silent_until:
            resident.lead.course.silent_until = self._scoring.silent_until
        return resident

    def _elsewhere(self, key: bytes) -> bool:
        return not self._residents.has(key) and partition_of(key, self._partitions) != self._partition

    def _take_event(self, record: Record, value: bytes) -> None:
        event = decode(value)
        key = event.key.encode()
        if self._partitions > 1 and self._elsewhere(key):
            origin = Misplaced(record.topic, record.partition, record.offset, value)
            self._scoring.changes.outbox.append(self._scoring.handover(key, origin, record.timestamp))
            self._scoring.count(record.topic, "passed_on")
            return
        if self._residents.blocking and self._residents.refuses(key, record.timestamp):
            erasure.turn_away_event(self._residents, key, event, record, self._scoring.changes)
            self._scoring.count(record.topic, "erased")
            return
        resident = self._touch(key, record.timestamp)
        if not _absorb(resident.lead.absorbed, record.topic, record.offset):
            return
        self._event(
            key, resident, event, value, (record.topic, record.partition, record.offset), record.timestamp
        )

    def _event(
        self,
        key: bytes,
        resident: Resident,
        event: Event,
        value: bytes,
        origin: tuple[str, int, int],
        arrival: int,
    ) -> None:
        """An event on the partition of its key."""
        moment = event.moment
        if moment is None or moment > arrival + AHEAD:
            moment = arrival
        event_id = counted_as(event, origin)
        moment = owned_at(event, moment)
        if event.lead_id is not None and not resident.lead.known:
            self._becomes_known(key, resident, arrival)
        owner = resident.owner(moment)
        if resident.lead.redirect is not None and resident.lead.evidence.seen(digest(event_id)):
            self._scoring.count(origin[0], "duplicate")
        elif owner is None:
            result = self._scoring.apply(key, resident, event, event_id, moment, arrival)
            self._scoring.count(origin[0], result)
        elif owner == erasure.NOBODY:
            self._scoring.count(origin[0], "erased")
        else:
            number = resident.next_number()
            message = Forwarded(key.decode(), number, event_id, moment, value, [key.decode()])
            self._scoring.hand(resident, owner, message, arrival)
            self._scoring.count(origin[0], "passed_on")

    def _becomes_known(self, key: bytes, resident: Resident, arrival: int) -> None:
        """It came as a lead: all that aliases said of it before makes one lead of those, as if known then."""
        for lead, other in resident.becomes_known():
            tie = Tie(other, arrival, by_alias=True, hops=[key.decode()])
            self._scoring.hand(resident, lead, tie, arrival)

    def _take_message(self, record: Record, value: bytes) -> None:
        message = handover.decode(value)
        key = _readable(record.key)
        if isinstance(message, Erase | Allow):
            erasure.take(self._residents, key, message, record, self._scoring.changes)
            return
        if self._residents.blocking and self._residents.refuses(key, record.timestamp):
            erasure.turn_away(self._residents, key, message, record, self._scoring.changes)
            self._scoring.count(record.topic, "erased")
            return
        resident = self._touch(key, record.timestamp)
        if not _absorb(resident.lead.absorbed, record.topic, record.offset):
            return
        if isinstance(message, Misplaced):
            self._misplaced(key, resident, message, record.timestamp)
        elif isinstance(message, Tie):
            self._tie(key, resident, message, record.timestamp)
        elif resident.lead.handed.get(message.sender, 0) < message.number:
            _remember(resident.lead.handed, message)
            if not resident.lead.known:
                self._becomes_known(key, resident, record.timestamp)
            self._handed(key, resident, message, record.timestamp)

    def _misplaced(self, key: bytes, resident: Resident, message: Misplaced, arrival: int) -> None:
        source = f"{message.topic}/{message.partition}"
        if _absorb(resident.lead.absorbed, source, message.offset):
            origin = (message.topic, message.partition, message.offset)
            self._event(key, resident, decode(message.event), message.event, origin, arrival)

    def _tie(self, key: bytes, resident: Resident, message: Tie, arrival: int) -> None:
        lead = resident.lead
        name = key.decode()
        if message.lead == name or (lead.known and not message.by_alias):
            return
        if lead.redirect is not None and not resident.breaks_circle(name, message.hops):
            onward = msgspec.structs.replace(message, hops=[*message.hops, name])
            self._scoring.hand(resident, lead.redirect, onward, arrival)
        elif lead.known:
            lead.redirect = message.lead
            self._move(key, resident, message.lead, arrival)
        else:
            if message.by_alias and message.lead not in lead.aliases:
                lead.aliases = [*lead.aliases, message.lead][-MOST_TIES:]
            if (message.moment, message.lead) not in lead.ties:
                lead.ties = sorted([*lead.ties, (message.moment, message.lead)])[-MOST_TIES:]
                self._move(key, resident, message.lead, arrival)

    def _move(self, key: bytes, resident: Resident, to: str, arrival: int) -> None:
        """Hands all that an id still knows to the lead that it is: the first it was tied to gets its past."""
        name = key.decode()
        decided = max(arrival, resident.lead.course.moment)
        self._scoring.announce(key, resident, resident.walker.pass_time(decided - 1))
        evidence, course = resident.give_away()
        evidence.members = sorted({*evidence.members, name})
        message = Moved(name, resident.next_number(), evidence, course, [name])
        self._scoring.hand(resident, to, message, arrival)

    def _handed(self, key: bytes, resident: Resident, message: Moved | Forwarded, arrival: int) -> None:
        """What another id hands over to this lead, or to the one that it has become."""
        name = key.decode()
        redirect = resident.lead.redirect
        if redirect is not None and not resident.breaks_circle(name, message.hops):
            number = resident.next_number()
            hops = [*message.hops, name]
            onward = msgspec.structs.replace(message, sender=name, number=number, hops=hops)
            if isinstance(message, Moved):
                resident.pass_on(message.evidence.ids, self._remembered)
            self._scoring.hand(resident, redirect, onward, arrival)
        elif isinstance(message, Forwarded):
            event = decode(message.event)
            result = self._scoring.apply(key, resident, event, message.id, message.moment, arrival)
            self._scoring.count(topics.HANDOVER, result)
        else:
            self._scoring.merge(key, resident, message, arrival)


def _silence(resident: Resident) -> tuple[Header, ...]:
    """The headers of a score record: whoever acts on scores must know what is no news."""
    return (header(Micros(resident.lead.course.silent_until)),) if resident.history else ()


def _doubt_score(lead: Lead) -> None:
    """Of a lead that has no score any more the record may not have been deleted yet: it is, once more."""
    if lead.course.tier == NOWHERE:
        lead.scored = True


def _readable(key: bytes | None) -> bytes:
    try:
        if key and key.decode():
            return key
    except UnicodeDecodeError:
        pass  # said below
    raise EventError("a hand-over needs the id it is for as its key, in UTF-8")


def _remember(handed: dict[str, int], message: Moved | Forwarded) -> None:
    """Takes down a hand-over's number, its sender the latest of those remembered."""
    handed.pop(message.sender, None)
    handed[message.sender] = message.number
    if len(handed) > _MOST_SENDERS:
        del handed[next(iter(handed))]


def _absorb(absorbed: dict[str, int], source: str, offset: int) -> bool:
    """Takes down that a record is in the state; says whether it was not before."""
    if offset <= absorbed.get(source, -1):
        return False
    absorbed[source] = offset
    return True
