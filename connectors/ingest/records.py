"""Makes the Kafka record of an event: its topic, its key, its JSON with an id."""

from os import urandom
from typing import Final

from connectors.ingest.producer import Outgoing
from connectors.ingest.shape import DEFAULT, Shape, require_shape
from scorer.errors import EventError
from scorer.event import decode
from scorer.topics import FAILED, topic_of

_MAX_DEAD_BYTES: Final = 900_000
"""Of a dead letter; a Kafka takes a megabyte with its headers."""
_NOWHERE: Final = b"-1"
"""Partition and offset of what never was a record."""


class EventTooLargeError(EventError):
    """An event over the limit."""


def event_record(raw: bytes, limit: int, shape: Shape = DEFAULT) -> Outgoing:
    """The record of one event's JSON; raises EventError where it is none, or over the limit in bytes.

    >>> record = event_record(b'{"type": "page_view", "lead_id": "u-1", "id": "e-1"}', 32_000)
    >>> record.topic, record.key, record.value
    ('page-views', b'u-1', b'{"type": "page_view", "lead_id": "u-1", "id": "e-1"}')
    """
    require_size(raw, limit)
    event = decode(raw)
    require_shape(event, raw, shape)
    if event.id is None:
        raw = _with_id(raw)
    return Outgoing(topic_of(event.type), event.key.encode(), raw, event=event)


def require_size(raw: bytes, limit: int) -> None:
    """Raises EventError unless the bytes are within the limit, and text."""
    if len(raw) > limit:
        raise EventTooLargeError(f"the event is larger than {limit} bytes")
    try:
        raw.decode()
    except UnicodeDecodeError:
        raise EventError("no valid UTF-8") from None


def failed_record(raw: bytes, source: str, error: Exception) -> Outgoing:
    """The dead letter of what a tracker sent and can't be told about, with the contract's headers."""
    headers = {
        "errors.topic": source.encode(),
        "errors.partition": _NOWHERE,
        "errors.offset": _NOWHERE,
        "errors.class": type(error).__name__.encode(),
        "errors.message": str(error)[:500].encode("utf-8", "replace"),
    }
    return Outgoing(FAILED, None, raw[:_MAX_DEAD_BYTES], tuple(headers.items()))


def _with_id(raw: bytes) -> bytes:
    """A random id at the end, where it also overrides an `id` of null."""
    return b'%s,"id":"%s"}' % (raw.rstrip()[:-1].rstrip(), urandom(16).hex().encode())
