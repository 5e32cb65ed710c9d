"""Takes a JSON body apart and leaves its items unread: what is wrong with one of them costs only that one."""

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from connectors.ingest.errors import RefusedError
from connectors.ingest.lenient import fields, members, mended
from scorer.errors import EventError

_envelope: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_raw: Final = msgspec.json.Decoder(msgspec.Raw)
_list: Final = msgspec.json.Decoder(list[msgspec.Raw])

_MOST_KEYS: Final = 16

Envelope = dict[str, msgspec.Raw]
"""The fields of a body, not read yet."""


def opened(body: bytes, batch: str) -> tuple[Envelope, bytes]:
    """The fields of a body, and the body, mended where that lets it be read; a list is the field `batch`.

    Raises RefusedError 400.

    >>> told, _ = opened(b'[{"n": 1}, {"n": 2}]', "data")
    >>> items_of(told, "data")
    [b'{"n": 1}', b'{"n": 2}']
    """
    body = body.strip()
    try:
        try:
            return _decoded(body, batch), body
        except RecursionError:
            return _outermost(body, batch), body
        except (msgspec.DecodeError, UnicodeDecodeError):
            return _decoded(text := mended(body), batch), text
    except (msgspec.DecodeError, EventError):
        raise RefusedError(
            400, f"no valid JSON: expected an event, or an object with a {batch} of them"
        ) from None


def items_of(told: Envelope, batch: str) -> list[bytes]:
    """The items of the field `batch`, as their bytes; raises RefusedError 400."""
    try:
        try:
            return [bytes(one).strip() for one in _list.decode(told[batch])]
        except RecursionError:
            return members(bytes(told[batch]))
    except (msgspec.DecodeError, EventError):
        raise RefusedError(400, f"{batch}: expected a list of events") from None


def keys_of(items: Iterable[bytes], key_of: Callable[[bytes], str | int | None]) -> list[str]:
    """The keys that items carry, each once; items that have none, or can't be read, are refused one by one.

    Raises RefusedError 400 where they are more than anybody packs together: each costs a look.
    """
    found: dict[str, None] = {}
    for item in items:
        try:
            key = key_of(item)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue
        if key not in (None, ""):
            found[str(key)] = None
        if len(found) > _MOST_KEYS:
            raise RefusedError(400, f"more than {_MOST_KEYS} keys in one request")
    return list(found)


def value_of(raw: msgspec.Raw | None) -> object:
    """What a field says; None where it can't be read."""
    try:
        return None if raw is None else msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def text_of(raw: msgspec.Raw | None) -> str | None:
    """The text of a field, if it is one."""
    value = value_of(raw)
    return value if isinstance(value, str) else None


def message_of(item: bytes) -> Any:
    """What an item says; raises EventError or RecursionError where it can't be read."""
    try:
        return msgspec.json.decode(item)
    except (msgspec.MsgspecError, UnicodeDecodeError):  # such as a number out of range
        return msgspec.json.decode(mended(item))


def _decoded(body: bytes, batch: str) -> Envelope:
    return {batch: _raw.decode(body)} if body.startswith(b"[") else _envelope.decode(body)


def _outermost(body: bytes, batch: str) -> Envelope:
    if body.startswith(b"["):
        return {batch: msgspec.Raw(body)}
    return {name: msgspec.Raw(value) for name, value in fields(body).items()}
