"""The marker of a cycle: which leads' scores its states make. It is written before those states.

A worker that dies after some of them and before their scores is followed by one that writes the scores of the
marker's leads anew, from their states: the same state makes the same bytes.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from scorer.lead import peek, prefix
from scorer.messages import Send
from scorer.times import FOREVER

KEY: Final = b"\xffcycle"
"""Of the first part; no id in UTF-8 begins like this."""

PART_BYTES: Final = 500_000
"""Keys in one record, about: far less than any broker's limit, and more than a cycle usually touches."""


class _Part(msgspec.Struct, array_like=True, frozen=True):
    """Some of the leads. `parts` counts all of the cycle; what an earlier one left beyond them is void."""

    parts: int
    scored: list[bytes]
    deleted: dict[bytes, int]
    """Leads whose record goes, and the timestamp of its deletion."""


_decoder: Final = msgspec.msgpack.Decoder(_Part)


def encode(scores: Iterable[Send], number: int) -> list[tuple[bytes, bytes]]:
    """The records of a cycle that makes these scores, its number their revision; none where it makes none."""
    chunks: list[list[Send]] = []
    size = PART_BYTES
    for send in scores:
        if size >= PART_BYTES:
            chunks.append([])
            size = 0
        chunks[-1].append(send)
        size += len(send.key)
    return [(_key(part), _encoded(chunk, len(chunks), number)) for part, chunk in enumerate(chunks)]


def cleared(store: Mapping[bytes, bytes], number: int) -> list[tuple[bytes, bytes | None]]:
    """What must be written so that no marker names anybody; nothing where there is none."""
    rest: list[tuple[bytes, bytes | None]] = [(_key(part), None) for part in range(1, parts(store))]
    return [(KEY, _encoded([], 1, number)), *rest] if KEY in store else []


def _encoded(chunk: list[Send], parts: int, number: int) -> bytes:
    scored = [send.key for send in chunk if send.value is not None]
    deleted = {send.key: send.timestamp for send in chunk if send.value is None}
    return prefix(0, FOREVER, 0, number) + msgspec.msgpack.encode(_Part(parts, scored, deleted))


def _key(part: int) -> bytes:
    return KEY + b"/%d" % part if part else KEY


def number(store: Mapping[bytes, bytes]) -> int:
    """The number of the last cycle in a store; 0 where there was none."""
    value = store.get(KEY)
    return 0 if value is None else peek(value).revision


def parts(store: Mapping[bytes, bytes]) -> int:
    """How many records of markers are in a store."""
    count = 0
    while _key(count) in store:
        count += 1
    return count


def decode(store: Mapping[bytes, bytes]) -> dict[bytes, int | None]:
    """The leads of the last cycle in a store, with the timestamp where their record was deleted."""
    found: dict[bytes, int | None] = {}
    at, count = 0, 1
    while at < count and (value := store.get(_key(at))) is not None:
        part = _decoder.decode(memoryview(value)[peek(value).body :])
        count = part.parts
        found |= dict.fromkeys(part.scored)
        found |= part.deleted
        at += 1
    return found
