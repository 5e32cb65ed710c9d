"""The markers of cycles: which leads' scores their states make. A marker is written before those states.

A worker that dies after some of them and before their scores is followed by one that writes the scores of the
marker's leads anew, from their states: the same state makes the same bytes.

Generations of the group have markers apart, since that of a worker which was cut off may reach the changelog,
with its states, when the next one has read it already and written its own.
"""

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from operator import itemgetter
from typing import Final

import msgspec

from scorer.lead import generation_of, peek, prefix, written_in
from scorer.messages import Send
from scorer.times import FOREVER

KEY: Final = b"\xffcycle/"
"""Before slot and part; no id in UTF-8 begins like this."""

SLOTS: Final = 8
"""Generations whose markers are apart: more than there are while a write is under way."""

PART_BYTES: Final = 500_000
"""Keys in one record, about: far less than any broker's limit, and more than a cycle usually touches."""


class _Part(msgspec.Struct, array_like=True, frozen=True):
    """Some of the leads. `parts` counts all of the cycle; what an earlier one left beyond them is void."""

    parts: int
    scored: list[bytes]
    deleted: dict[bytes, int]
    """Leads whose record goes, and the timestamp of its deletion."""


_decoder: Final = msgspec.msgpack.Decoder(_Part)

Written = list[tuple[bytes, bytes | None]]


def newest_generation(store: Mapping[bytes, bytes]) -> bytes:
    """The newest generation that has a marker in a store, as `written_in` says it; empty: none has."""
    markers = (store.get(_key(slot, 0)) for slot in range(SLOTS))
    return max((written_in(marker) for marker in markers if marker is not None), default=b"")


class Markers:
    """The markers that a store holds, each in the slot of its generation."""

    def __init__(self, store: MutableMapping[bytes, bytes]) -> None:
        self._store = store
        self._parts: dict[int, int] = {}  # by slot, how many records there are
        self._done: set[int] = set()  # slots whose marker names nobody any more
        self.number = 0
        """The highest of a marker."""

    def found(self, key: bytes) -> None:
        """Takes up a record of the store: to be called for all whose keys begin with `KEY`."""
        slot, part = map(int, key.removeprefix(KEY).split(b"/"))
        self._parts[slot] = max(self._parts.get(slot, 0), part + 1)
        self.number = max(self.number, peek(self._store[key]).revision)

    def leads(self) -> dict[bytes, int | None]:
        """The leads of each generation's last cycle, with the timestamp where their record was deleted."""
        found: dict[bytes, int | None] = {}
        read = [one for slot in self._parts for one in self._read(slot)]
        for _, part in sorted(read, key=itemgetter(0)):
            found |= dict.fromkeys(part.scored)
            found |= part.deleted
        return found

    def mark(self, scores: Iterable[Send], least: int) -> tuple[Written, Written]:
        """What must be written before the states of a cycle that makes these scores, and what after them.

        That is nothing for one that makes none. Its number is a revision, `least` or more. Markers of
        earlier generations then name nobody: what they named is done, or among these scores.
        """
        chunks: list[list[Send]] = []
        size = PART_BYTES
        for send in scores:
            if size >= PART_BYTES:
                chunks.append([])
                size = 0
            chunks[-1].append(send)
            size += len(send.key)
        return self._write(chunks, least) if chunks else ([], [])

    def clear(self, least: int) -> Written:
        """What must be written so that no marker names anybody, not in a part that is void either."""
        if not self._parts:
            return []
        marker, emptied = self._write([[]], least)
        rest = [_key(slot, part) for slot, parts in self._parts.items() for part in range(1, parts)]
        self._parts = dict.fromkeys(self._parts, 1)
        gone: Written = [(key, None) for key in rest if self._store.pop(key, None) is not None]
        return [*marker, *emptied, *gone]

    def _write(self, chunks: list[list[Send]], least: int) -> tuple[Written, Written]:
        number = self.number = max(self.number + 1, least)
        own = generation_of(number) % SLOTS
        marker = {_key(own, part): _encoded(chunk, len(chunks), number) for part, chunk in enumerate(chunks)}
        # No deletions, which must not be a changelog's last record; and none under a higher number, since
        # what is late of that generation is to take its place.
        others = [_key(slot, 0) for slot in sorted(self._parts.keys() - self._done - {own})]
        emptied = {key: _encoded([], 1, peek(self._store[key]).revision) for key in others}
        self._done |= self._parts.keys()
        self._done.discard(own)
        self._parts[own] = max(self._parts.get(own, 0), len(chunks))
        self._store.update(marker | emptied)
        return [*marker.items()], [*emptied.items()]

    def _read(self, slot: int) -> Iterator[tuple[int, _Part]]:
        at, count = 0, 1
        while at < count and (value := self._store.get(_key(slot, at))) is not None:
            stored = peek(value)
            part = _decoder.decode(memoryview(value)[stored.body :])
            count = part.parts
            yield stored.revision, part
            at += 1


def _encoded(chunk: list[Send], parts: int, number: int) -> bytes:
    scored = [send.key for send in chunk if send.value is not None]
    deleted = {send.key: send.timestamp for send in chunk if send.value is None}
    return prefix(0, FOREVER, 0, number) + msgspec.msgpack.encode(_Part(parts, scored, deleted))


def _key(slot: int, part: int) -> bytes:
    return KEY + b"%d/%d" % (slot, part)
