"""What a change in a CRM says, as events: who somebody is, what became of them."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Final

import msgspec

from connectors.sync.crm import Change, Destination
from connectors.sync.rows import RecordRow
from scorer.ids import somebody
from scorer.times import Micros, format_time

Event = dict[str, Any]
_DIGEST: Final = 6


def name_of(destination: Destination, record: str, lead: str | None, email: str | None) -> str | None:
    """What a person is called whom a record is of; None: by nothing that we know them by.

    Our own field comes first: it says whose score the record bears.
    """
    if lead is not None and somebody(lead):
        return lead
    if destination.naming == "record":
        return f"{destination.name}:{record}"
    if destination.naming == "email" and email:
        return email.strip().lower()
    return None


def fresh(change: Change, row: RecordRow) -> tuple[dict[str, Any], dict[str, Any], dict[str, str]]:
    """The traits and stages that are other than when the record was read last, and the digests of all.

    An empty field says something only where it wasn't empty before: what others know of the person stays.
    """
    digests = {name: digest for name, digest in row.seen.items() if name not in row.saying}
    traits: dict[str, Any] = {}
    for name, value in change.traits.items():
        if value is None:
            if digests.pop(name, None) is not None or name in row.saying:
                traits[name] = None
        elif digests.get(name) != (digest := _digest(value)):
            traits[name] = value
            digests[name] = digest
    stages: dict[str, Any] = {}
    for name, value in change.stages.items():
        if digests.get(_mark(name)) != (digest := _digest(value)):
            stages[name] = value
            digests[_mark(name)] = digest
    return traits, stages, digests


def about_to_say(row: RecordRow, traits: Mapping[str, Any], stages: Mapping[str, Any]) -> RecordRow:
    """The row to write before the events of these traits and stages go out."""
    digests = {name: _digest(value) for name, value in traits.items()}
    return row.about_to_say(digests | {_mark(name): _digest(value) for name, value in stages.items()})


def identify(
    destination: Destination, lead: str, record: str, number: int, at: Micros, traits: Mapping[str, Any]
) -> Event:
    """Who a lead is, by what a record says under this number.

    The CRM's moment is no part of the id: our own writes move it, between two readings of one change.
    """
    return {
        "id": event_id(destination.name, "identify", record, lead, number, traits),
        "type": "identify",
        "lead_id": lead,
        "time": format_time(at),
        "traits": dict(traits),
        "context": {"channel": destination.name},
    }


def looked_up(
    destination: Destination, lead: str, number: int, at: Micros, traits: Mapping[str, Any]
) -> Event:
    """What a directory says of a lead; the same answer to the same question is the same event."""
    return {
        "id": event_id(destination.name, "looked up", lead, number, traits),
        "type": "identify",
        "lead_id": lead,
        "time": format_time(at),
        "traits": dict(traits),
        "context": {"channel": destination.name},
    }


def alias(destination: Destination, before: str, lead: str, at: Micros) -> Event:
    """Two leads are one person, as somebody said who merged their records."""
    return {
        "id": event_id(destination.name, "alias", before, lead),
        "type": "alias",
        "lead_id": lead,
        "time": format_time(at),
        "properties": {"previous_id": before},
        "context": {"channel": destination.name},
    }


def outcomes(
    destination: Destination, lead: str, saying: RecordRow, change: Change, stages: Mapping[str, Any]
) -> list[Event]:
    """What became of a lead, where the sync file says that a stage means something.

    `saying`: the record's row with these stages among what is being said.
    """
    told = {} if destination.reads is None else destination.reads.outcomes
    at = change.at if change.stage_at is None else change.stage_at
    found = []
    for name, value in stages.items():
        outcome = told.get(name, {}).get(str(value))
        if outcome is not None:
            number = saying.number([_mark(name)])
            found.append(
                {
                    "id": event_id(destination.name, "outcome", change.record, number, name, value),
                    "type": "outcome",
                    "lead_id": lead,
                    "time": format_time(at),
                    "properties": {"outcome": outcome, "by": destination.name, "stage": f"{name}={value}"},
                    "context": {"channel": destination.name},
                }
            )
    return found


def event_id(*said: Any) -> str:
    """An id that is the same for the same words, for ever."""
    return f"sync-{blake2b(msgspec.json.encode(said), digest_size=12).hexdigest()}"


def _mark(stage: str) -> str:
    """What a stage is called in a row, where traits have their names."""
    return f"\0{stage}"


def _digest(value: Any) -> str:
    return blake2b(msgspec.json.encode(value), digest_size=_DIGEST).hexdigest()
