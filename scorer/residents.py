"""The leads of a shard: their states in the store, those in work, and the timers of all."""

import contextlib
from collections.abc import Iterable, Iterator, MutableMapping
from itertools import islice
from typing import Final

import msgspec

from scorer import cycle, forgetting
from scorer.blocks import Block, Blocks
from scorer.cycle import Markers, Written
from scorer.lead import (
    REVISION_BITS,
    LaterStateError,
    Lead,
    StateError,
    decode,
    encode,
    generation_of,
    peek,
    prefix,
)
from scorer.messages import Send
from scorer.plan import Plan
from scorer.resident import Resident
from scorer.times import DAY, FOREVER
from scorer.wakes import Wakes
from scorer.walk import NOWHERE

_PLAN_KEY: Final = b"\xffplan"
"""Where the slots are kept that the states were written for; no id in UTF-8 is this key."""


_FORGET_KEY: Final = b"\xffforget"
"""Where the setting is kept that the timers were set by; its revision is the highest of those deleted."""

MOST_STATE_BYTES: Final = 3_900_000
"""Of a state; the topics are made for records of 4,000,000 bytes, and Kafka refuses larger ones for ever."""

_ASIDE: Final = b"\xffaside/"
"""Before the key of a state that this version can't read."""

_GONE: Final = b"\xffgone/"
"""Before the hash of an erased id."""


def names_a_lead(key: bytes) -> bool:
    """Whether a key of the store is a lead's, not one of the shard's own."""
    return not key.startswith(b"\xff")


class Residents:
    """States by key: bytes at rest in the store, objects while touched."""

    def __init__(
        self,
        plan: Plan,
        store: MutableMapping[bytes, bytes],
        forget_after: int | None = None,
        erasure_key: bytes = b"",
    ) -> None:
        self._plan = plan
        self._forget_after = forget_after
        self._leaving: dict[bytes, None] = {}  # empty, and to be deleted once all in them is committed
        self._store = store
        self._markers = Markers(store)
        self.blocks = Blocks(erasure_key)
        self._new_blocks: dict[bytes, bytes] = {}
        self._erased_aside: list[bytes] = []
        self._gone: set[bytes] = set()  # erased since the last `settle`
        self.blocking = False
        """Whether any id is blocked, asked before `refuses` so that where none is, an event costs nothing."""
        self._wakes = Wakes(lambda key: peek(store[key]).wake)
        self._count = 0
        self._told: int | None = None  # by which setting the timers were set
        self._floor = 0  # the highest revision of a state that was deleted
        self.least_revision = 0
        self._unsettled: list[bytes] = []
        self._aside: list[tuple[bytes, bytes | None]] = []
        self.touched: dict[bytes, Resident] = {}
        self._unreadable: list[tuple[bytes, str]] = []

    def __len__(self) -> int:
        return self._count

    def has(self, key: bytes) -> bool:
        """Whether there is a state."""
        return key in self.touched or key in self._store

    def refuses(self, key: bytes, arrival: int) -> bool:
        """Whether an id was erased, and what arrives of it is to be dropped.

        An erased id has no state, so that those who have one cost no hash.
        """
        if self.blocks.lifted or key in self._gone or not self.has(key):
            return self.blocks.holds(key, arrival)
        return False

    def block(self, key: bytes, block: Block) -> None:
        """Blocks an id, from the next flush on for good."""
        hashed, value = self.blocks.put(key, block)
        self._new_blocks[_GONE + hashed] = value
        self.blocking = True

    def erase(self, key: bytes, outbox: list[Send]) -> None:
        """Leaves nothing of a state but what it has still to send, and then nothing."""
        self._erased_aside.append(_ASIDE + key)
        self._gone.add(key)
        if self.has(key) or outbox:
            left = Resident(Lead(outbox=outbox), self._plan)
            held, state = self.touched.get(key), self._store.get(key)
            if held is not None:
                left.revision, left.stored, left.timer = held.revision, held.stored, held.timer
            elif state is not None:
                stored = peek(state)
                left.revision, left.stored, left.timer = stored.revision, True, stored.wake
            self.touched[key] = left

    def touch(self, key: bytes, now: int) -> Resident:
        """The lead of a key, in work until the next flush; decided by the present plan, silently."""
        resident = self.touched.get(key)
        if resident is None:
            resident = self.touched[key] = self._load_or_start(key)
        if resident.plan != self._plan.fingerprint:
            resident.plan = self._plan.fingerprint
            resident.regridded = True
            resident.lead.evidence.keep(self._plan)
            resident.regate()
            if resident.lead.course.tier != NOWHERE:
                resident.walker.settle(now)
        return resident

    def _load_or_start(self, key: bytes) -> Resident:
        try:
            return self._load(key)
        except StateError as error:
            state = self._store[key]
            self._wakes.drop(key, peek(state).wake)
            self._put_aside(key, state, str(error))
            self._count -= 1
            return self._load(key)

    def _load(self, key: bytes) -> Resident:
        state = self._store.get(key)
        if state is None:
            block = self.blocks.of(key)
            resident = Resident(Lead(sent=block.sent if block else 0), self._plan)
            resident.revision = self._floor  # what is late of one that was deleted never supersedes this one
            resident.regate()
            return resident
        lead, stored = decode(state)
        resident = Resident(lead, self._plan)
        resident.plan = stored.plan
        resident.revision = stored.revision
        resident.stored = True
        resident.history = stored.history
        resident.timer = stored.wake
        waits = stored.wake <= lead.course.silent_until  # for that, whatever time does before
        resident.walker.quiet_until = lead.course.moment + 1 if waits else stored.wake
        resident.walker.headroom = lead.headroom
        return resident

    def due(self, now: int, most: int) -> Iterator[bytes]:
        """The keys whose time has come, `most` at once."""
        for _ in range(most):
            key = self._wakes.due(now)
            if key is None:
                return
            yield key

    def review(self, key: bytes, now: int) -> None:
        """Empties an id that nobody is known behind and of which nothing counts; then it can be deleted."""
        resident = self.touched[key]
        lead = resident.lead
        after = self._forget_after
        if after is None or not forgetting.is_nobody(lead):
            return
        if forgetting.is_empty(lead):
            self._leaving[key] = None
            resident.kept_until = now + DAY  # asked again, should this process not do it
        elif lead.evidence.newest + after <= now:
            resident.kept_until = forgetting.fades_at(lead.evidence, lead.course, self._plan)
            if resident.kept_until <= now:
                resident.give_away()
                resident.kept_until = now

    def forget(self, committed: dict[str, int], most: int) -> dict[bytes, int]:
        """Deletes empty ids of which nothing comes again, by the offsets that are committed.

        Gives their keys and revisions.
        """
        deleted: dict[bytes, int] = {}
        for key in list(islice(self._leaving, most)):
            state = None if key in self.touched else self._store.get(key)
            lead, stored = (None, None) if state is None else decode(state)
            if lead is None or stored is None or not forgetting.is_empty(lead):
                del self._leaving[key]  # it came back
            elif forgetting.all_committed(lead.absorbed, committed):
                del self._leaving[key], self._store[key]
                self._wakes.drop(key, stored.wake)
                deleted[key] = stored.revision
        if deleted:
            self._floor = max(self._floor, *deleted.values())
            self._count -= len(deleted)
            self._aside += [self._put_forgetting(), *((key, None) for key in deleted)]
        return deleted

    def next_wake(self) -> int | None:
        """A moment before which time changes no lead; None: it never does."""
        return self._wakes.next()

    def mark_cycle(self, scores: Iterable[Send]) -> tuple[Written, Written]:
        """What must be written before the states that make these scores, and what after them."""
        return self._markers.mark(scores, self.least_revision)

    def last_cycles(self) -> Iterator[tuple[bytes, Resident, int | None]]:
        """After recovery: the leads of the last cycles, and when their record was deleted if it was."""
        for key, deleted_at in self._markers.leads().items():
            if self.has(key):
                with contextlib.suppress(StateError):  # it is put aside when it is needed
                    yield key, self.touched.get(key) or self._load(key), deleted_at

    def store_touched(self) -> tuple[list[tuple[bytes, bytes | None]], frozenset[bytes]]:
        """Writes the touched states to the store; gives what was written, and the keys of what is too large.

        Of those the store keeps the state from before.
        """
        written, self._aside = self._aside, []
        for key, value in self._new_blocks.items():
            self._store[key] = value
            written.append((key, value))
        self._new_blocks = {}
        erased = [(key, None) for key in self._erased_aside if self._store.pop(key, None) is not None]
        self._erased_aside = []
        written += erased
        refused = []
        for key, resident in self.touched.items():
            if key in self._gone and not resident.lead.outbox:
                written.append(self._drop(key, resident))
                continue
            state, wake = self._encode(resident)
            if len(state) > MOST_STATE_BYTES:
                refused.append(key)
                continue
            self._put(key, resident, state, wake)
            written.append((key, state))
            if resident.lead.outbox:
                self._unsettled.append(key)
        if written and _PLAN_KEY not in self._store:
            written.append((_PLAN_KEY, self._put_slots()))
        if written and self._told != self._forget_after:
            written.append(self._put_forgetting())
        self.touched = {key: self.touched[key] for key in self._unsettled if key in self.touched}
        return written, frozenset(refused)

    def _encode(self, resident: Resident) -> tuple[bytes, int]:
        """A state, and when its timer goes off."""
        resident.lead.headroom = resident.walker.headroom
        resident.revision = max(resident.revision + 1, self.least_revision)
        wake = resident.wake(self._forget_after)
        history = resident.history
        return encode(resident.lead, wake, resident.plan, resident.revision, history=history), wake

    def _put(self, key: bytes, resident: Resident, state: bytes, wake: int) -> None:
        self._store[key] = state
        self._count += not resident.stored
        self._wakes.set(key, wake, resident.timer)
        resident.stored, resident.timer = True, wake

    def _drop(self, key: bytes, resident: Resident) -> tuple[bytes, None]:
        self._store.pop(key, None)
        self._count -= resident.stored
        self._wakes.set(key, FOREVER, resident.timer)
        self._floor = max(self._floor, resident.revision)
        return key, None

    def _put_slots(self) -> bytes:
        state = msgspec.msgpack.encode(sorted(self._plan.slots))
        self._store[_PLAN_KEY] = state
        return state

    def _put_forgetting(self) -> tuple[bytes, bytes]:
        self._told = self._forget_after
        state = prefix(0, FOREVER, 0, self._floor) + msgspec.msgpack.encode(self._told)
        self._store[_FORGET_KEY] = state
        return _FORGET_KEY, state

    def _take_up_forgetting(self, again: frozenset[bytes]) -> None:
        state = self._store.get(_FORGET_KEY)
        if state is None:
            return
        stored = peek(state)
        self._floor = stored.revision
        self._told = msgspec.msgpack.decode(memoryview(state)[stored.body :], type=int | None)
        if _FORGET_KEY in again:
            self._aside.append((_FORGET_KEY, state))

    def settle(self) -> list[tuple[bytes, bytes | None]]:
        """Empties the outboxes of what was flushed and gives the states as they are then."""
        settled: list[tuple[bytes, bytes | None]] = []
        for key in self._unsettled:
            resident = self.touched.pop(key)
            resident.lead.outbox = []
            if key in self._gone:
                settled.append(self._drop(key, resident))
                continue
            state, wake = self._encode(resident)
            self._put(key, resident, state, wake)
            settled.append((key, state))
        self._unsettled = []
        if self._gone:
            # Its scores are acknowledged: a marker need not name those who were erased.
            settled += self._markers.clear(self.least_revision)
            self._gone = set()
        return settled

    def recover(self, again: Iterable[bytes]) -> list[str]:
        """Sets all timers, takes the states with an outbox, and `again`, into work; names what starts empty.

        A state that can't be read is put aside, under a key of its own, and named; raises LaterStateError
        for one that a later version of the program reads: to put that aside would lose the lead.
        """
        emptied = self._take_up_slots()
        written_again = frozenset(again)
        self._take_up_forgetting(written_again)
        resets = self._told != self._forget_after
        behind: list[bytes] = []
        broken: list[tuple[bytes, bytes, str]] = []
        for key, state in self._store.items():
            if not names_a_lead(key):
                if key.startswith(_GONE):
                    self.blocks.load(key.removeprefix(_GONE), state)
                    self.blocking = True
                elif key.startswith(cycle.KEY):
                    self._markers.found(key)
                continue
            try:
                stored = peek(state)
                if stored.outbox or key in written_again:
                    self.touched[key] = self._load(key)
            except LaterStateError:
                raise
            except StateError as error:
                broken.append((key, state, str(error)))
                continue
            self._count += 1
            self._wakes.set(key, stored.wake, FOREVER)
            if resets or stored.plan != self._plan.fingerprint:
                behind.append(key)
        # Generations begin anew where the group was deleted; what is written now is no less new for that.
        seen = generation_of(self._markers.number) << REVISION_BITS
        self.least_revision = max(self.least_revision, seen)
        for key, state, reason in broken:
            self._put_aside(key, state, reason)
        self._wakes.at_once(filter(self._store.__contains__, behind) if resets else self._undecided(behind))
        named = {*self.touched, *self._markers.leads()} if self.blocking else set()
        self._gone = {key for key in named if (block := self.blocks.of(key)) and block.allowed is None}
        return emptied

    def _undecided(self, keys: Iterable[bytes]) -> Iterator[bytes]:
        """Those of some keys whose leads the present plan has not decided yet."""
        for key in keys:
            state = self._store.get(key) if names_a_lead(key) else None
            if state is not None and peek(state).plan != self._plan.fingerprint:
                yield key

    def _take_up_slots(self) -> list[str]:
        """The criteria whose evidence starts empty; the slots are written anew where they have changed."""
        stored = self._store.get(_PLAN_KEY)
        if stored is None:
            return []
        known = frozenset(msgspec.msgpack.decode(stored, type=list[int]))
        if known != self._plan.slots.keys():
            del self._store[_PLAN_KEY]
        return self._plan.emptied(known)

    def _put_aside(self, key: bytes, state: bytes, reason: str) -> None:
        aside = _ASIDE + key
        self._store[aside] = state
        del self._store[key]
        self._unreadable.append((key, reason))
        self._aside += [(aside, state), (key, None)]

    def unreadable(self) -> list[tuple[bytes, str]]:
        """Keys of states that were put aside since it was last asked, and why."""
        found, self._unreadable = self._unreadable, []
        return found

    def regrid(self, plan: Plan) -> None:
        """Makes every lead due at once, to be decided by another plan."""
        self._plan = plan
        held = self._store
        self._wakes.at_once(self._undecided(list(held) if isinstance(held, dict) else iter(held)))
        if _PLAN_KEY in self._store:
            del self._store[_PLAN_KEY]
