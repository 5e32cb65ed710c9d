"""Slots: the pieces of evidence that criteria share, and which of them an event adds to."""

import json
from collections.abc import Callable, Iterable
from typing import Final, Literal

import msgspec

from scorer.conditions import GROUPS
from scorer.event import Event
from scorer.fields import event_key
from scorer.grid_model import EventTest

NO_ACTIVITY: Final = frozenset(
    {
        "identify",
        "alias",
        "retract",
        "outcome",
        "nps",
        "email_delivered",
        "email_bounce",
        "email_complaint",
        "email_allowed",
    }
)
"""Types that are nobody's doing: they never count as activity."""

DOUBTFUL: Final = frozenset({"email_open", "email_click"})
"""Types that robots make up, which may come out later: some of the times that they displace are spared."""


SlotKind = Literal["sum", "newest", "days", "last"]
"""A decayed sum, the newest times, the newest time of each of the newest days, the last time."""
_MOST_TYPES: Final = 10_000
_MOST_VALUES: Final = 10_000
_LONGEST_VALUE: Final = 200


class Slot(msgspec.Struct, frozen=True, gc=False):
    """A piece of evidence: what an event must match, and how its matches are kept."""

    id: int
    """Fingerprint of all that is kept in it: the same in every grid that asks for the same evidence."""
    kind: SlotKind
    events: frozenset[str] | None
    """The types that it matches; None: any activity."""
    where: EventTest | None
    asks: frozenset[str]
    """The fields that `where` reads."""
    rate: float
    """Halvings of its sum in a microsecond; 0 where it never fades."""
    field: str | None
    """The property that is the amount; None: each match counts 1."""
    keep: int
    """How many of the newest times count."""
    spare: int = 0
    """How many more are kept, where some may be taken back."""
    behind: int = 0
    """The slot that holds the single times of this one's days, where they may be taken back; 0: none does."""
    raises: float = 0.0
    """The most points that a match (an amount of 1) can add; infinite where each is to be decided."""
    lowers: bool = False
    """A match may take points."""

    def of_type(self, event_type: str) -> bool:
        """Whether events of a type may match."""
        return event_type not in NO_ACTIVITY if self.events is None else event_type in self.events


Matches = tuple[Slot, ...]
_Find = Callable[[Event], Matches]


class Matcher:
    """Finds the slots that events match."""

    def __init__(self, slots: Iterable[Slot]) -> None:
        self._slots = tuple(slots)
        self._by_type: dict[str, _Find] = {}

    def matches(self, event: Event) -> Matches:
        """The slots that an event adds evidence to."""
        find = self._by_type.get(event.type)
        if find is None:
            if len(self._by_type) >= _MOST_TYPES:
                self._by_type.clear()
            find = self._by_type[event.type] = self._finder(event.type)
        return find(event)

    def _finder(self, event_type: str) -> _Find:
        """Finds by type first; those that ask one field by its value; the others by asking them."""
        slots = [slot for slot in self._slots if slot.of_type(event_type)]
        find = _always(tuple(slot for slot in slots if slot.where is None))
        rest = tuple(slot for slot in slots if len(slot.asks) > 1)
        if rest:
            find = _asking(rest, find)
        for name in sorted({name for slot in slots if len(slot.asks) == 1 for name in slot.asks}):
            find = _by_value(name, tuple(slot for slot in slots if slot.asks == {name}), find)
        return find


def _always(slots: Matches) -> _Find:
    return lambda event: slots


def _asking(slots: Matches, others: _Find) -> _Find:
    return lambda event: others(event) + _holding(slots, event)


def _holding(slots: Matches, event: Event) -> Matches:
    return tuple(slot for slot in slots if slot.where is not None and slot.where(event))


def _by_value(name: str, slots: Matches, others: _Find) -> _Find:
    """Asks slots that read nothing but one field, and remembers what they said of a text, or of none."""
    known: dict[object, Matches] = {}
    read = event_key(name)

    def find(event: Event) -> Matches:
        value = read(event)
        if value is not None and (not isinstance(value, str) or len(value) > _LONGEST_VALUE):
            return others(event) + _holding(slots, event)
        found = known.get(value)
        if found is None:
            if len(known) >= _MOST_VALUES:
                known.clear()
            found = known[value] = _holding(slots, event)
        return others(event) + found if found else others(event)

    return find


def fields_asked(where_key: str) -> frozenset[str]:
    """The fields that a condition reads, from its text.

    >>> sorted(fields_asked('{"any": [{"url.path": "/"}, {"none": [{"campaign": "x"}]}], "title": "CRM"}'))
    ['campaign', 'title', 'url.path']
    """
    return frozenset(_names(json.loads(where_key))) if where_key else frozenset()


def _names(spec: dict[str, object]) -> Iterable[str]:
    for name, inner in spec.items():
        if name in GROUPS and isinstance(inner, list):
            for item in inner:
                yield from _names(item)
        else:
            yield name
