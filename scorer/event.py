"""The event: what somebody did, read and checked from its JSON."""

import json
import math
import re
from typing import Any, Final, NoReturn

import msgspec

from scorer.errors import EventError
from scorer.ids import somebody
from scorer.times import parse_time

_NAME: Final = re.compile(r"[a-z][a-z0-9_]*\Z")
_MAX_TYPES: Final = 10_000
_DEEPEST: Final = 200
"""Levels in an event: more than any tracker sends, few enough for what asks them level by level."""
_known_types: set[str] = set()

RETRACT: Final = "retract"
_FOR_GOOD: Final = frozenset({"identify", "alias", RETRACT})
"""What these say can't be taken back: what was said before them is not kept."""


class Event(msgspec.Struct, gc=False):
    """One happening, as the contract's event table says; `moment` is its `time` in microseconds.

    `lead_id` and `anonymous_id` are None where the event named nobody; at least one is there.
    """

    type: str
    id: str | int | float | None = None
    lead_id: str | None = None
    anonymous_id: str | None = None
    time: str | None = None
    properties: dict[str, Any] | None = None
    context: dict[str, Any] | None = None
    traits: msgspec.Raw = msgspec.Raw()
    moment: int | None = msgspec.field(default=None, name="//moment")

    @property
    def key(self) -> str:
        """The identity under which the event travels: `lead_id`, else `anonymous_id`."""
        return self.lead_id or self.anonymous_id or ""

    @property
    def by_robot(self) -> bool:
        """Whether it is marked as no person's doing."""
        return self.context is not None and self.context.get("bot") is True

    def original(self) -> "Event":
        """Of a `retract`: the event that is taken back; raises EventError where there is none."""
        told = (self.properties or {}).get("event")
        if told is None:
            raise EventError("properties.event: missing: expected the event that is taken back")
        try:
            found = _from_object(told)
            if found.type in _FOR_GOOD:
                raise EventError(f"type: {found.type} can't be taken back")
            found = _normalised(found)
        except EventError as error:
            raise EventError(f"properties.event: {error}") from None
        if not found.id:
            raise EventError("properties.event: id: missing: expected the id that it counted under")
        if (found.lead_id, found.anonymous_id) != (self.lead_id, self.anonymous_id):
            raise EventError("lead_id, anonymous_id: expected those of properties.event")
        return found

    def trait_values(self) -> dict[str, Any]:
        """The traits of an `identify`; raises EventError where they are no object."""
        if not bytes(self.traits):
            return {}
        found = _loads(bytes(self.traits))
        if found is None:
            return {}
        if not isinstance(found, dict):
            raise EventError(f"traits: expected an object, got {_kind(found)}")
        return found


_decoder = msgspec.json.Decoder(Event)
_any_decoder = msgspec.json.Decoder()


def decode(value: bytes) -> Event:
    """Reads one event; raises EventError, saying what is wrong, where it is none.

    >>> event = decode(b'{"type": "page_view", "lead_id": "null", "anonymous_id": "a-1", "id": 7}')
    >>> event.key, event.id
    ('a-1', '7')
    """
    try:
        if not value.isascii():
            value.decode()  # also what the decoder passes over must be text
        event = _decoder.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        event = _from_object(_loads(value))
    event = _normalised(event)
    if len(value) > 2 * _DEEPEST and value.count(b"[") + value.count(b"{") > _DEEPEST:
        _refuse_depth(event)
    return event


def check(obj: object) -> Event:
    """Reads one event from parsed JSON; raises EventError where it is none."""
    event = _normalised(_from_object(obj))
    _refuse_depth(event)
    return event


def key_of(obj: object) -> str:
    """The Kafka key of an event given as parsed JSON; raises EventError where it is no event."""
    return check(obj).key


def _normalised(event: Event) -> Event:
    if event.type not in _known_types:
        _learn_type(event.type)
    lead, anonymous = event.lead_id, event.anonymous_id
    if lead is not None and somebody(lead) is None:
        event.lead_id = lead = None
    if anonymous is not None and somebody(anonymous) is None:
        event.anonymous_id = anonymous = None
    if lead is None and anonymous is None:
        raise EventError("lead_id, anonymous_id: the event names nobody: expected at least one of the two")
    if event.id.__class__ is not str and event.id is not None:
        event.id = str(event.id)
    if event.time is not None:
        try:
            event.moment = parse_time(event.time)
        except ValueError as error:
            raise EventError(f"time: {error}") from None
    if event.type == "identify":
        event.trait_values()
    elif event.type == RETRACT:
        event.original()
    return event


def _learn_type(event_type: str) -> None:
    if not _NAME.match(event_type):
        raise EventError(f"type: {event_type[:60]!r} is no type: expected lower case such as page_view")
    if len(_known_types) < _MAX_TYPES:
        _known_types.add(event_type)


def _refuse_depth(event: Event) -> None:
    level: list[object] = [event.properties, event.context]
    if event.type == "identify":
        level.append(event.trait_values())
    for _ in range(_DEEPEST):
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
    if any(isinstance(each, dict | list) for each in level):
        raise EventError(f"nested too deeply to be an event: expected at most {_DEEPEST} levels")


def _loads(value: bytes) -> Any:
    """Parsed JSON by the fast decoder, by the patient one where a number is out of the fast one's range."""
    try:
        return _any_decoder.decode(value)
    except RecursionError:
        raise EventError("nested too deeply to be an event") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass  # what is wrong is said below, by the decoder that also takes numbers such as 1e400
    try:
        text = value.decode()
        found = json.loads(text, parse_constant=_no_constant)
        json.dumps(found, ensure_ascii=False).encode()
    except RecursionError:
        raise EventError("nested too deeply to be an event") from None
    except ValueError as error:
        raise EventError(f"no valid JSON: {error}"[:200]) from None
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


_KINDS: Final[dict[str, tuple[tuple[type, ...], str]]] = {
    "type": ((str,), "a string"),
    "id": ((str, int, float), "a string or a number"),
    "lead_id": ((str,), "a string"),
    "anonymous_id": ((str,), "a string"),
    "time": ((str,), "a string such as 2026-11-01T09:00:00Z"),
    "properties": ((dict,), "an object"),
    "context": ((dict,), "an object"),
}


def _from_object(obj: object) -> Event:
    if not isinstance(obj, dict):
        raise EventError(f"expected a JSON object, got {_kind(obj)}")
    wrong = [
        f"{field}: expected {expected}, got {_kind(obj[field])}"
        for field, (kinds, expected) in _KINDS.items()
        if obj.get(field) is not None and (not isinstance(obj[field], kinds) or isinstance(obj[field], bool))
    ]
    if obj.get("type") is None:
        wrong.append("type: missing: expected one such as page_view")
    if wrong:
        raise EventError("; ".join(wrong))
    fields = {field: obj.get(field) for field in _KINDS}
    if isinstance(fields["id"], float) and not math.isfinite(fields["id"]):
        raise EventError("id: a number out of range")
    traits = obj.get("traits") if obj["type"] == "identify" else None
    try:
        raw = msgspec.Raw(b"" if traits is None else json.dumps(traits).encode())
    except (ValueError, RecursionError, TypeError) as error:
        raise EventError(f"traits: {error}") from None
    return Event(**fields, traits=raw)  # type: ignore[arg-type]


def _kind(value: object) -> str:
    names = {
        str: "a string",
        bool: "a boolean",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "an object",
    }
    return "nothing" if value is None else names.get(type(value), type(value).__name__)
