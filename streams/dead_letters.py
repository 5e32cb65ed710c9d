"""Turns a record that could not be read into one of the failed topic, the reason in its headers, and back."""

from typing import Any, Final

from scorer import handover
from scorer.errors import EventError
from scorer.messages import DeadLetter, Header
from scorer.topics import HANDOVER, full_name
from streams.batching.producer import Outgoing

_MAX_MESSAGE_CHARS: Final = 500
_OURS: Final = "errors."
_PLACE: Final = ("errors.topic", "errors.partition", "errors.offset")


def outgoing(dead: DeadLetter, prefix: str, timestamp_ms: int | None = None) -> Outgoing:
    """The record to send; headers that the record came with are kept after ours."""
    record = dead.record
    said: tuple[Header, ...] = (
        ("errors.topic", full_name(prefix, record.topic).encode()),
        ("errors.partition", str(record.partition).encode()),
        ("errors.offset", str(record.offset).encode()),
        ("errors.timestamp", str(record.timestamp // 1000).encode()),
        ("errors.class", dead.error_class.encode()),
        ("errors.message", dead.message[:_MAX_MESSAGE_CHARS].encode(errors="replace")),
    )
    return Outgoing(record.key, record.value, timestamp_ms, said + record.headers)


def origin(letter: Any) -> str:
    """Where a record of the failed topic first came from: one that failed twice says the same twice."""
    ours = dict(letter.headers)
    return "/".join(ours[name].decode() for name in _PLACE)


def put_back(letter: Any, prefix: str) -> tuple[str, Outgoing]:
    """The topic and the record to send so that a record of the failed topic is scored after all."""
    ours = {name: value for name, value in letter.headers if name.startswith(_OURS)}
    topic = ours["errors.topic"].decode()
    key, value = letter.key, letter.value
    if topic == full_name(prefix, HANDOVER) and key and value:
        try:
            short, key, value = handover.again(key, value, origin(letter))
            topic = full_name(prefix, short)
        except EventError:
            pass  # as it came: what could not be read may be readable by now
    came_ms = int(ours.get("errors.timestamp", letter.timestamp))
    headers = tuple((name, value) for name, value in letter.headers if not name.startswith(_OURS))
    return topic, Outgoing(key, value, came_ms, headers)
