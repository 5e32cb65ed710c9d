"""The events of a lead: those kept of all its identities that are its own, each once."""

from collections.abc import Sequence
from typing import Any

import msgspec

from connectors.serve.cache import Cache
from connectors.serve.facts import Kept, moment_of
from scorer.event import Event, decode
from scorer.times import Micros, format_time

Record = dict[str, Any]


class OwnEvent(msgspec.Struct, frozen=True):
    """An event, with the id and the moment that it counts with."""

    id: str
    at: Micros
    event: Event
    kept: Kept

    def for_replay(self) -> bytes:
        """The event's JSON, complete: the id and time that reception gave it are filled in."""
        if self.event.id and self.event.moment == self.at:
            return self.kept.value
        found = self.kept.as_json()
        return msgspec.json.encode({**found, "id": self.id, "time": format_time(self.at)})

    def as_json(self) -> Record:
        """The event as a timeline shows it."""
        found = self.kept.as_json()
        shown = {
            "id": self.id,
            "type": self.event.type,
            "time": format_time(self.at),
            "received": format_time(self.kept.received),
            "lead_id": self.event.lead_id,
            "anonymous_id": self.event.anonymous_id,
            "properties": found.get("properties") or {},
        }
        for name in ("context", "traits"):
            if found.get(name):
                shown[name] = found[name]
        return shown


async def events_of(cache: Cache, records: Sequence[Record]) -> dict[str, list[OwnEvent]]:
    """The events of some leads, by lead, each list in order of time."""
    pipe = cache.redis.pipeline(transaction=False)
    for record in records:
        for identity in record["identities"]:
            pipe.zrange(cache.key("events", identity), 0, -1)
            pipe.zrange(cache.key("ties", identity), 0, -1, withscores=True)
    answers = iter(await pipe.execute() if records else [])
    found = {}
    for record in records:
        stored: list[str] = []
        ties = {}
        for identity in record["identities"]:
            stored += next(answers)
            ties[identity] = [(int(at), tie.split("|", 1)[1]) for tie, at in next(answers)]
        found[record["lead_id"]] = _own(record, stored, ties)
    return found


def _own(record: Record, stored: list[str], ties: dict[str, list[tuple[int, str]]]) -> list[OwnEvent]:
    mine = {*record["identities"], record["lead_id"]}
    first: dict[str, OwnEvent] = {}
    for one in sorted((Kept.load(text) for text in stored), key=lambda kept: (kept.received, kept.place)):
        event = decode(one.value)
        at = moment_of(event, one.received)
        event_id = str(event.id or one.place)
        if event_id not in first and _is_own(record["lead_id"], mine, event, at, ties):
            first[event_id] = OwnEvent(event_id, at, event, one)
    return sorted(first.values(), key=lambda own: (own.at, own.id))


def _is_own(
    lead: str, mine: set[str], event: Event, at: Micros, ties: dict[str, list[tuple[int, str]]]
) -> bool:
    if event.lead_id is not None:
        return event.lead_id in mine
    if event.anonymous_id == lead:
        return True
    owner = owner_at(ties.get(event.anonymous_id or "", []), at)
    return owner is None or owner in mine


def owner_at(ties: Sequence[tuple[int, str]], at: int) -> str | None:
    """Whom an anonymous id was tied to at a moment; before the first tie: to the first.

    >>> ties = [(10, "u-1"), (20, "u-2")]
    >>> owner_at(ties, 5), owner_at(ties, 15), owner_at(ties, 20), owner_at([], 1)
    ('u-1', 'u-1', 'u-2', None)
    """
    owner = None
    for since, lead in ties:
        if owner is None or since <= at:
            owner = lead
    return owner
