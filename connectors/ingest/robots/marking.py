"""Writes a verdict into an event's JSON, and what takes an event back."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from connectors.ingest.lenient import fields
from scorer.event import RETRACT, Event
from scorer.times import Micros, format_time

_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def marked(raw: bytes, reasons: Sequence[str], edition: str) -> bytes:
    """The event as a robot's, with the reasons and the rules that it was judged by.

    >>> marked(b'{"id": "e", "n": 1e400}', ["honeypot"], "standard/1")
    b'{"id":"e","n":1e400,"context":{"bot":true,"bot_reasons":["honeypot"],"bot_rules":"standard/1"}}'
    """
    event = _taken_apart(raw)
    context = _taken_apart(bytes(event["context"])) if bytes(event.get("context", b"null")) != b"null" else {}
    verdict = {"bot": True, "bot_reasons": reasons, "bot_rules": edition}
    return msgspec.json.encode({**event, "context": {**context, **verdict}})


def stamped(raw: bytes, moment: Micros) -> bytes:
    """The event with its time: what takes it back must say when it counted."""
    return msgspec.json.encode({**_taken_apart(raw), "time": format_time(moment)})


def retraction(event: Event, raw: bytes, reasons: Sequence[str], edition: str, at: Micros) -> bytes:
    """What takes an event back that was found out to be a robot's."""
    about: dict[str, Any] = {
        "id": f"{RETRACT}-{event.id}",
        "type": RETRACT,
        "lead_id": event.lead_id,
        "anonymous_id": event.anonymous_id,
        "time": format_time(at),
        "properties": {"event": msgspec.Raw(raw), "bot_reasons": reasons, "bot_rules": edition},
    }
    return msgspec.json.encode({name: value for name, value in about.items() if value is not None})


def _taken_apart(raw: bytes) -> dict[str, msgspec.Raw]:
    """The members of an object, each with whatever is odd in it left as it is."""
    try:
        return _members.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return {name: msgspec.Raw(value) for name, value in fields(raw).items()}
