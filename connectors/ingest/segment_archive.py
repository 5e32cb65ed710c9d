"""Reads Segment's archives: a message a line, as Segment's own storage destinations write it."""

from typing import Any

import msgspec

from connectors.ingest.lenient import mended
from connectors.ingest.mapping import SourceMapping
from connectors.ingest.segment_events import Arrival, translate
from scorer.errors import EventError
from scorer.times import FOREVER, Micros, parse_time


def events_of(line: bytes, mapping: SourceMapping) -> list[dict[str, Any]]:
    """The event of a line; raises EventError where it can't be read.

    Segment has corrected `timestamp` by the client's clock already; a message without one happened when it
    was received.
    """
    try:
        message = msgspec.json.decode(line)
    except msgspec.MsgspecError:  # a number out of range
        message = msgspec.json.decode(mended(line))
    if not isinstance(message, dict):
        raise EventError("expected an object")
    received = message.get("receivedAt")
    if message.get("timestamp"):
        message.pop("sentAt", None)
    event = translate(message, Arrival(_moment(received)), mapping)
    return [event if "time" in event or not isinstance(received, str) else {**event, "time": received}]


def _moment(received: object) -> Micros:
    try:
        return parse_time(received) if isinstance(received, str) else Micros(FOREVER)
    except ValueError:
        raise EventError(f"receivedAt: {received[:40]!r} is no time such as 2026-11-01T09:00:00Z") from None  # type: ignore[index]
