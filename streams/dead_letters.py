"""Turns a record that could not be read into one of the failed topic: its bytes, and why in the headers."""

from typing import Final

from scorer.messages import DeadLetter, Header
from scorer.topics import full_name
from streams.batching.producer import Outgoing

_MAX_MESSAGE_CHARS: Final = 500


def outgoing(dead: DeadLetter, prefix: str, timestamp_ms: int | None = None) -> Outgoing:
    """The record to send; headers that the record came with are kept after ours."""
    record = dead.record
    said: tuple[Header, ...] = (
        ("errors.topic", full_name(prefix, record.topic).encode()),
        ("errors.partition", str(record.partition).encode()),
        ("errors.offset", str(record.offset).encode()),
        ("errors.class", dead.error_class.encode()),
        ("errors.message", dead.message[:_MAX_MESSAGE_CHARS].encode(errors="replace")),
    )
    return Outgoing(record.key, record.value, timestamp_ms, said + record.headers)
