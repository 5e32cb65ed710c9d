"""Evidence: the facts kept of a lead, that add up in any order and merge."""

import math
import re
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from scorer.event import Event
from scorer.fields import reach
from scorer.ids import DIGEST_SIZE
from scorer.plan import Plan, day_of, same_quarter
from scorer.slots import Slot
from scorer.times import NEVER, SECOND

MOST_TRAITS: Final = 64
_FARTHEST: Final = 256.0
"""Half-lives from the landmark at which it is moved."""
_MINUTE: Final = 60 * SECOND
_MOST: Final = 1e100
"""Bound of one amount: sums stay finite, also when merged, 2^512 away from their landmark."""
_NOTHING: Final = 1e-9
"""Of what was taken off a sum, what is left after it and is rounding."""
_NUMERIC: Final = re.compile(r"[-+]?[0-9]{1,300}(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,5})?\Z")
_CONSENT: Final = "consent"
_NUMBERS: Final = frozenset({"employees", "revenue"})


class Evidence(msgspec.Struct, array_like=True, omit_defaults=False, gc=False):
    """What is known of a lead, without any points.

    Sums decay forward (Cormode, Shkapenyuk, Srivastava, Xu, *Forward Decay*, ICDE 2009): each match adds
    amount * 2^((time - landmark)/half_life), so that evidence of any age is added without touching the rest.
    """

    landmark: int = NEVER
    sums: dict[int, float] = {}
    times: dict[int, list[int]] = {}
    traits: dict[str, tuple[int, str]] = {}
    ids: bytes = b""
    newest: int = NEVER
    members: list[str] = []

    def seen(self, digest: bytes) -> bool:
        """Whether an id, given as its digest, is among those remembered."""
        at = self.ids.find(digest)
        while at >= 0 and at % DIGEST_SIZE:
            at = self.ids.find(digest, at + 1)
        return at >= 0

    def remember(self, digest: bytes, most: int) -> None:
        """Remembers an id, forgets the oldest beyond `most`; after a merge the window shrinks id by id."""
        ids = self.ids + digest
        over = len(ids) // DIGEST_SIZE - most
        self.ids = ids[min(over, 2) * DIGEST_SIZE :] if over > 0 else ids

    def remember_before(self, ids: bytes, most: int | None = None) -> None:
        """Remembers the ids of another, given as their digests, as older than its own; `most` in all."""
        own = {self.ids[at : at + DIGEST_SIZE] for at in range(0, len(self.ids), DIGEST_SIZE)}
        digests = (ids[at : at + DIGEST_SIZE] for at in range(0, len(ids), DIGEST_SIZE))
        self.ids = b"".join(digest for digest in digests if digest not in own) + self.ids
        if most is not None:
            self.ids = self.ids[-most * DIGEST_SIZE :]

    def add(self, event: Event, moment: int, plan: Plan, may_fall: bool = False) -> float:
        """Adds what an event of this moment (microseconds) is evidence of.

        Gives the most that it raises any score by, but for its traits, from now on and before another event:
        infinite where that is not known, or where it may lower one and that matters, unless it `may_fall`.
        """
        if moment > self.newest:
            self.newest = moment
        raised = 0.0
        matched = plan.matches(event)
        if matched:
            self._reach(moment, plan)
        sums, landmark = self.sums, self.landmark
        for slot in matched:
            if slot.lowers and not may_fall:
                raised = math.inf
            if slot.kind == "sum":
                amount = 1.0 if slot.field is None else amount_of(event, slot.field)
                if amount:
                    raised += slot.raises * amount
                rate = slot.rate
                weight = amount * 2.0 ** ((moment - landmark) * rate) if rate else amount
                sums[slot.id] = sums.get(slot.id, 0.0) + weight
            elif self._same_turn(slot, moment):
                raised += slot.raises if slot.keep == 1 or slot.raises == math.inf else 0.0
            else:
                raised += self._add_time(slot, moment, plan, may_fall)
        if event.type == "identify":
            self.set_traits(event.trait_values(), moment)
        return raised

    def take_back(self, event: Event, moment: int, plan: Plan) -> None:
        """Takes away what `add` added of an event of this moment, as if it had never been.

        Sums are exact to their rounding. Times that it took the place of come back as far as they were
        spared; `newest`, which counts in no score, stays.
        """
        matched = plan.matches(event)
        if matched:
            self._reach(moment, plan)
        for slot in matched:
            if slot.kind == "sum":
                amount = 1.0 if slot.field is None else amount_of(event, slot.field)
                weight = amount * 2.0 ** ((moment - self.landmark) * slot.rate)
                left = self.sums.get(slot.id, 0.0) - weight
                self.sums[slot.id] = left
                if left <= _NOTHING * weight:
                    del self.sums[slot.id]
            else:
                self._drop_time(slot.id, moment)
        for slot in matched:
            if slot.behind:
                self._day_again(slot, moment, plan)

    def _drop_time(self, slot_id: int, moment: int) -> None:
        held = self.times.get(slot_id, [])
        if moment in held:
            held.remove(moment)
            if not held:
                del self.times[slot_id]

    def _day_again(self, slot: Slot, moment: int, plan: Plan) -> None:
        """Puts a day's next newest time in the place of one that was taken back."""
        timezone = plan.grid.timezone
        day = day_of(moment, timezone)
        same_day = [one for one in self.times.get(slot.behind, []) if day_of(one, timezone) == day]
        if same_day:
            held = self.times.get(slot.id, [])
            self.times[slot.id] = _newest_days(held, same_day[-1:], slot.keep + slot.spare, timezone)

    def _same_turn(self, slot: Slot, moment: int) -> bool:
        """Adds a time that only takes the place of the newest: the latest activity, a day already there."""
        held = self.times.get(slot.id)
        if held is None or slot.kind == "newest" or moment < held[-1]:
            return False
        if slot.kind == "last":
            if slot.spare and moment // _MINUTE != held[-1] // _MINUTE:
                self.times[slot.id] = [*held, moment][-1 - slot.spare :]
            else:
                held[-1] = moment
            return True
        if same_quarter(moment, held[-1]):
            held[-1] = moment
            return True
        return False

    def _add_time(self, slot: Slot, moment: int, plan: Plan, may_fall: bool) -> float:
        """Adds a time; the most that this raises by: nothing where as few as before lie in any window."""
        held = self.times.get(slot.id)
        kept = slot.keep + slot.spare
        if slot.kind == "last":
            self.times[slot.id] = [moment] if held is None else _newest_minutes(held, [moment], kept)
            if held is None and (slot.lowers or not may_fall):
                return math.inf  # it begins an absence
            return slot.raises
        if held is None:
            times, held = [moment], []
        elif slot.kind == "newest":
            times = _newest(held, [moment], kept)
        else:
            times = _newest_days(held, [moment], kept, plan.grid.timezone)
        self.times[slot.id] = times
        if slot.raises == math.inf:
            return math.inf
        filled = len(times) >= slot.keep and (len(held) < slot.keep or held[-slot.keep] != times[-slot.keep])
        return slot.raises if filled else 0.0

    def set_traits(self, values: dict[str, Any], moment: int) -> None:
        """Writes traits of a moment: the last write wins by time, at the same time the greater JSON text."""
        for name, value in _by_purpose(values).items():
            if isinstance(value, float) and not math.isfinite(value):
                continue  # 1e400: no JSON text would say it but null, which removes
            number = _number(value) if name in _NUMBERS and isinstance(value, str) else None
            text = msgspec.json.encode(value if number is None else number, order="sorted").decode()
            self._write(name, (moment, text))
        self._drop_traits()

    def _write(self, name: str, written: tuple[int, str]) -> None:
        held = self.traits.get(name)
        if held is None or written > (held[0], held[1]):
            self.traits[name] = written

    def _drop_traits(self) -> None:
        if len(self.traits) > MOST_TRAITS:
            newest = sorted(self.traits.items(), key=lambda item: (-item[1][0], item[0]))[:MOST_TRAITS]
            self.traits = dict(newest)

    def values(self) -> dict[str, Any]:
        """The traits as they are now, by name."""
        return {name: msgspec.json.decode(text) for name, text in self.texts()}

    def texts(self) -> list[tuple[str, str]]:
        """The traits as they are now, by name, each as its JSON text."""
        if not self.traits:
            return []
        return [(name, text) for name, (_, text) in sorted(self.traits.items()) if text != "null"]

    def merge(self, other: "Evidence", plan: Plan) -> None:
        """Adds all that is known of another identity of the same person."""
        if other.landmark != NEVER:
            self._reach(other.landmark, plan)
        for slot_id, total in other.sums.items():
            slot = plan.slots.get(slot_id)
            if slot is not None:
                scale = 2.0 ** ((other.landmark - self.landmark) * slot.rate)
                self.sums[slot_id] = self.sums.get(slot_id, 0.0) + total * scale
        for slot_id, moments in other.times.items():
            slot = plan.slots.get(slot_id)
            if slot is None:
                continue
            held, kept = self.times.get(slot_id, []), slot.keep + slot.spare
            if slot.kind == "days":
                self.times[slot_id] = _newest_days(held, moments, kept, plan.grid.timezone)
            elif slot.kind == "last":
                self.times[slot_id] = _newest_minutes(held, moments, kept)
            else:
                self.times[slot_id] = _newest(held, moments, kept)
        for name, written in other.traits.items():
            self._write(name, (written[0], written[1]))
        self._drop_traits()
        self.remember_before(other.ids)
        self.newest = max(self.newest, other.newest)
        self.members = sorted({*self.members, *other.members})

    def keep(self, plan: Plan) -> None:
        """Forgets what no criterion of a new plan asks for: asked for again, it would have a gap."""
        self.sums = {slot_id: total for slot_id, total in self.sums.items() if slot_id in plan.slots}
        self.times = {slot_id: moments for slot_id, moments in self.times.items() if slot_id in plan.slots}

    def _reach(self, moment: int, plan: Plan) -> None:
        """Moves the landmark on where a moment is too many half-lives after it."""
        if self.landmark == NEVER:
            self.landmark = moment
        elif (moment - self.landmark) * plan.fastest > _FARTHEST:
            moved = self.landmark - moment
            self.sums = {
                slot_id: total * 2.0 ** (moved * plan.slots[slot_id].rate)
                for slot_id, total in self.sums.items()
                if slot_id in plan.slots
            }
            self.landmark = moment


def amount_of(event: Event, field: str) -> float:
    """A property as a finite number above 0, else 0."""
    found = reach(event.properties, field) if event.properties else None
    if isinstance(found, bool) or not isinstance(found, int | float):
        return 0.0
    try:
        amount = float(found)
    except OverflowError:  # hundreds of digits
        return 0.0
    return min(amount, _MOST) if 0 < amount < math.inf else 0.0


def _newest(held: list[int], more: list[int], keep: int) -> list[int]:
    """The `keep` newest of two lists of times, oldest first."""
    return sorted(held + more)[-keep:]


def _newest_minutes(held: list[int], more: list[int], keep: int) -> list[int]:
    """The newest time of each of the `keep` newest minutes, oldest first: robots come by the dozen."""
    by_minute = {moment // _MINUTE: moment for moment in sorted(held + more)}
    return sorted(by_minute.values())[-keep:]


def _newest_days(held: list[int], more: list[int], keep: int, timezone: ZoneInfo) -> list[int]:
    """The newest time of each of the `keep` newest days, oldest first."""
    if held and len(more) == 1 and more[0] >= held[-1]:
        if same_quarter(more[0], held[-1]):
            return [*held[:-1], more[0]]
        day = day_of(more[0], timezone)
        if day == day_of(held[-1], timezone):
            return [*held[:-1], more[0]]
        if len(held) == 1 or day != day_of(held[-2], timezone):  # clocks set back may bring a day again
            return [*held, more[0]][-keep:]
    by_day = {day_of(moment, timezone): moment for moment in sorted(held + more)}
    return sorted(by_day.values())[-keep:]


def _number(text: str) -> int | float | None:
    """Numeric text as a finite number."""
    text = text.strip()
    if not _NUMERIC.match(text):
        return None
    found = int(text) if text.lstrip("+-").isdigit() else float(text)
    return found if abs(found) < float("inf") else None


def _by_purpose(traits: dict[str, Any]) -> dict[str, Any]:
    """The traits with one for each purpose of a `consent`: what is said of one leaves the others alone.

    >>> _by_purpose({"consent": {"tracking": False}, "title": "DG"})
    {'title': 'DG', 'consent.tracking': False}
    """
    consent = traits.get(_CONSENT)
    if not isinstance(consent, dict):
        return traits
    others = {name: value for name, value in traits.items() if name != _CONSENT}
    return {**others, **{f"{_CONSENT}.{purpose}": value for purpose, value in consent.items()}}
