"""What does not count: events that a robot made, and those that were taken back later."""

from collections.abc import Iterable

from scorer.event import RETRACT, Event


def counted_as(event: Event, place: Iterable[object]) -> str:
    """The id that an event counts under: where it brings none, the place that it was read from.

    What takes an event back is one with anything else that takes it back, and not a copy of the event.
    """
    if event.type == RETRACT:
        return f"{RETRACT}\n{event.original().id}"
    return str(event.id) if event.id else "/".join(map(str, place))


def owned_at(event: Event, moment: int) -> int:
    """The moment that says whose an event is: what takes another back goes where that went."""
    if event.type == RETRACT:
        original = event.original().moment
        return moment if original is None else original
    return moment


def void_ids(events: Iterable[Event]) -> frozenset[str]:
    """The ids of the events that some events take back."""
    return frozenset(str(event.original().id) for event in events if event.type == RETRACT)


def counts(event: Event, event_id: str, void: frozenset[str]) -> bool:
    """Whether an event is evidence of anything."""
    return event_id not in void and event.type != RETRACT and not event.by_robot
