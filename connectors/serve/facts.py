"""What the records of the topics say: score, alert, event, undelivered alert."""

import json
import math
from typing import Any, Final

import msgspec

from scorer.erasure import Notice
from scorer.errors import EventError
from scorer.event import Event, decode
from scorer.ids import somebody
from scorer.slots import NO_ACTIVITY
from scorer.times import SECOND, Micros, format_time, parse_time
from scorer.topics import ACCOUNTS, ALERTS, DELIVERIES, ERASURES, SCORES, TASKS

PARKED: Final = "parked"
ANSWERS: Final = frozenset({"accepted", "rejected", "wrong", "withdrawn"})
_AHEAD: Final = 300 * SECOND
"""A time further ahead of its reception is a wrong clock's (the contract's five minutes)."""


class Incoming(msgspec.Struct, frozen=True, gc=False):
    """A record as it came: short name of the topic, moment of arrival."""

    topic: str
    partition: int
    offset: int
    timestamp: Micros
    key: bytes | None
    value: bytes | None
    origin: int | None = None
    """Where it first stood, if it is a copy of a record that was deleted."""
    erased: bytes | None = None
    """The hash of its key, where it says that this lead was erased."""

    @property
    def place(self) -> str:
        """Where it stands, or stood: the id of an event that brings none."""
        return f"{self.topic}/{self.partition}/{self.offset if self.origin is None else self.origin}"


class ScoreFact(msgspec.Struct, frozen=True):
    """A lead's score record, or that there is none any more."""

    lead: str
    record: dict[str, Any] | None
    text: str


class AlertFact(msgspec.Struct, frozen=True):
    """An alert."""

    id: str
    at: Micros
    record: dict[str, Any]
    text: str


class AccountFact(msgspec.Struct, frozen=True):
    """An account as its leads make it, or that there is none any more."""

    account: str
    record: dict[str, Any] | None


class ParkedFact(msgspec.Struct, frozen=True):
    """An alert that a channel would not take."""

    alert: str
    text: str


class DeliveryFact(msgspec.Struct, frozen=True):
    """What became of one delivery of an alert, or that this is not kept any more."""

    key: str
    alert: str
    lead: str
    text: str | None


class TaskFact(msgspec.Struct, frozen=True):
    """Who a lead is assigned to, or what is to be done about it, or that this is not kept any more."""

    key: str
    lead: str
    text: str | None


class EventFact(msgspec.Struct, frozen=True):
    """Something somebody did, with the lists it belongs in."""

    id: str
    type: str
    at: Micros
    key: str
    copies: tuple[str, ...]
    """Identities in whose lists it is kept."""
    tie: tuple[str, str] | None
    """An anonymous id and whom it was tied to."""
    stored: str
    last: dict[str, Any] | None
    """What a list of leads says of it, where it is somebody's activity."""
    channel: str | None
    answer: dict[str, Any] | None
    """What sales said of an alert."""


class ErasureFact(msgspec.Struct, frozen=True):
    """That an id, known by its hash, was erased, and from when on it may come again."""

    hashed: bytes
    allowed: Micros | None


Fact = ScoreFact | AlertFact | AccountFact | ParkedFact | DeliveryFact | TaskFact | EventFact | ErasureFact


class _ScoreShape(msgspec.Struct):
    """What a score record must hold to be faded and placed."""

    lead_id: str
    score: float
    tier: str
    as_of: str
    contributions: dict[str, float]
    fading: list[tuple[str, float, float | None, str, str | None]]
    pending: list[tuple[str, float, str]]
    identities: list[str]
    traits: dict[str, Any]


_score_shape: Final = msgspec.json.Decoder(_ScoreShape)


def fact_of(record: Incoming) -> Fact | None:
    """What a record says; None where it says nothing that is shown."""
    try:
        if record.topic == SCORES:
            return _score(record)
        if record.topic == ERASURES:
            return _erasure(record)
        if record.topic == ACCOUNTS:
            return _account(record)
        if record.topic == DELIVERIES:
            return _delivery(record)
        if record.topic == TASKS:
            return _task(record)
        if record.value is None:
            return None
        if record.topic == ALERTS:
            return _alert(record)
        if record.topic == PARKED:
            return None if record.key is None else ParkedFact(record.key.decode(), record.value.decode())
        return _event(record)
    except (EventError, ValueError, KeyError, TypeError, RecursionError):
        return None  # foreign or broken: the scorer, whose business that is, says so


def _score(record: Incoming) -> ScoreFact | None:
    if record.key is None:
        return None
    lead = record.key.decode()
    if record.value is None:
        return ScoreFact(lead, None, "")
    shape = _score_shape.decode(record.value)
    for time in (shape.as_of, *(entry[3] for entry in shape.fading), *(entry[2] for entry in shape.pending)):
        parse_time(time)
    for until in (entry[4] for entry in shape.fading):
        parse_time(until or shape.as_of)
    if shape.lead_id != lead:
        return None
    return ScoreFact(lead, msgspec.json.decode(record.value), record.value.decode())


class _AccountShape(msgspec.Struct):
    """What an account's row must hold to be placed and shown."""

    account: str
    score: float
    most: float
    tier: str
    count: int
    as_of: str
    leads: list[dict[str, Any]]
    company: str | None = None


_account_shape: Final = msgspec.json.Decoder(_AccountShape)


def _account(record: Incoming) -> AccountFact | None:
    account = (record.key or b"").decode()
    if not account or account.startswith("\0"):  # its keeper's own
        return None
    if record.value is None:
        return AccountFact(account, None)
    shape = _account_shape.decode(record.value)
    parse_time(shape.as_of)
    if shape.account != account or not shape.count:
        return AccountFact(account, None)
    held = msgspec.json.decode(record.value, type=dict[str, Any])
    held.pop("kept", None)
    return AccountFact(account, held)


class _DeliveryShape(msgspec.Struct):
    """What is shown of a delivery; the alert that its row may hold is not kept twice."""

    id: str
    state: str
    channel: str
    destination: str
    lead: str
    changed: str
    attempts: int = 0
    due: str | None = None
    error: str | None = None
    expired: bool = False


class _TaskShape(msgspec.Struct):
    """What is shown of an assignment or a task; the alert that a task may hold is not kept twice."""

    row: str
    lead: str
    alert: str
    person: str | None = None
    why: str | None = None
    at: int | None = None
    what: str | None = None
    since: int | None = None
    due: int | None = None
    state: str = "open"
    by: str | None = None
    open: bool = True


_delivery_shape: Final = msgspec.json.Decoder(_DeliveryShape)
_task_shape: Final = msgspec.json.Decoder(_TaskShape)


def _delivery(record: Incoming) -> DeliveryFact | None:
    key = (record.key or b"").decode()
    if not key or record.value is None:
        return DeliveryFact(key, "", "", None) if key else None
    row = _delivery_shape.decode(record.value)
    return DeliveryFact(key, row.id, row.lead, msgspec.json.encode(row).decode())


def _task(record: Incoming) -> TaskFact | None:
    key = (record.key or b"").decode()
    if not key or record.value is None:
        return TaskFact(key, "", None) if key else None
    row = _task_shape.decode(record.value)
    return TaskFact(key, row.lead, msgspec.json.encode(row).decode())


def _erasure(record: Incoming) -> ErasureFact:
    notice = msgspec.json.decode(record.value or b"", type=Notice)
    allowed = None if notice.allowed is None else parse_time(notice.allowed)
    return ErasureFact(bytes.fromhex((record.key or b"").decode()), allowed)


def _alert(record: Incoming) -> AlertFact | None:
    value = record.value or b""
    found = msgspec.json.decode(value, type=dict[str, Any])
    if not isinstance(found["lead_id"], str):
        return None
    return AlertFact(str(found["id"]), parse_time(found["at"]), found, value.decode())


def _event(record: Incoming) -> EventFact:
    value = record.value or b""
    event = decode(value)
    at = moment_of(event, record.timestamp)
    key, copies, tie = event.key, [event.key], None
    properties = event.properties or {}
    other = event.anonymous_id if event.type == "identify" else None
    if event.type == "alias" and isinstance(properties.get("previous_id"), str):
        other = somebody(properties["previous_id"])
    if other and event.lead_id and other != event.lead_id:
        copies.append(other)
        tie = (other, event.lead_id)
    event_id = str(event.id or record.place)
    active = event.type not in NO_ACTIVITY
    return EventFact(
        id=event_id,
        type=event.type,
        at=at,
        key=key,
        copies=tuple(copies),
        tie=tie,
        stored=f"{record.timestamp}|{record.place}\n{value.decode()}",
        last=_last(event, at) if active else None,
        channel=_channel(event) if active else None,
        answer=_answer(event, event_id, at),
    )


def moment_of(event: Event, received: Micros) -> Micros:
    """When it happened: its own time, unless that is missing or too far ahead of its reception."""
    if event.moment is None or event.moment > received + _AHEAD:
        return received
    return Micros(event.moment)


def _last(event: Event, at: Micros) -> dict[str, Any]:
    found: dict[str, Any] = {"type": event.type, "time": format_time(at)}
    properties = event.properties or {}
    title = next((properties[name] for name in ("title", "asset", "campaign") if properties.get(name)), None)
    if isinstance(title, str):
        found["title"] = title[:300]
    if isinstance(url := properties.get("url"), str):
        found["url"] = url[:2_000]
    return found


def _channel(event: Event) -> str | None:
    context = event.context or {}
    for name in ("channel", "utm_medium", "utm_source"):
        if isinstance(found := context.get(name), str) and found:
            return found[:100]
    return "email" if event.type.startswith("email_") else None


def _answer(event: Event, event_id: str, at: Micros) -> dict[str, Any] | None:
    properties = event.properties or {}
    if event.type != "outcome" or str(properties.get("outcome")) not in ANSWERS:
        return None
    return {
        "id": event_id,
        "alert_id": _text(properties.get("alert_id")),
        "answer": properties["outcome"],
        "by": _text(properties.get("by")),
        "note": _text(properties.get("note")),
        "at": format_time(at),
        "moment": at,
    }


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


class Kept(msgspec.Struct, frozen=True):
    """An event as the cache keeps it."""

    received: Micros
    place: str
    value: bytes

    @classmethod
    def load(cls, stored: str) -> "Kept":
        """Reads `EventFact.stored`."""
        head, _, value = stored.partition("\n")
        received, _, place = head.partition("|")
        return cls(Micros(int(received)), place, value.encode())

    def as_json(self) -> dict[str, Any]:
        """The event's own JSON; numbers out of range are missing."""
        found: dict[str, Any] = json.loads(self.value, parse_float=_finite)
        return found


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None
