"""The trivial task of "engine alone": parse an event, add one to its lead's counter, tell the score."""

import struct
from collections.abc import Iterable, MutableMapping
from typing import Any, Final

import msgspec

from scorer.messages import Changes, Record, Send
from scorer.plan import Plan
from scorer.topics import IN_TOPICS, SCORES


class Visit(msgspec.Struct, gc=False):
    """What is parsed of an event, the same for every engine."""

    lead_id: str
    type: str
    time: str


parse: Final = msgspec.json.Decoder(Visit).decode

_STATE: Final = struct.Struct(f"<{1 + len(IN_TOPICS)}q")
_PLACE: Final = {topic: 1 + number for number, topic in enumerate(IN_TOPICS)}
_FRESH: Final = (0, *(-1 for _ in IN_TOPICS))


def score_record(key: bytes, count: int) -> bytes:
    """The value of a score record.

    >>> score_record(b"u-1", 2)
    b'{"lead_id":"u-1","score":2}'
    """
    return b'{"lead_id":"%b","score":%d}' % (key, count)


class Counters:
    """A counter a lead in a store of bytes, with the offsets that are in it, so that nothing counts twice."""

    def __init__(self, store: MutableMapping[bytes, bytes]) -> None:
        self._store = store
        self._touched: dict[bytes, list[int]] = {}

    def add(self, topic: str, records: Iterable[Any]) -> None:
        """Counts records of one topic."""
        touched, store, place = self._touched, self._store, _PLACE[topic]
        for record in records:
            parse(record.value)
            counter = touched.get(record.key)
            if counter is None:
                state = store.get(record.key)
                counter = touched[record.key] = list(_STATE.unpack(state) if state else _FRESH)
            if record.offset > counter[place]:
                counter[place] = record.offset
                counter[0] += 1

    def flush(self) -> list[tuple[bytes, bytes, int]]:
        """Key, new state and count of each lead touched since the last flush."""
        written = [(key, _STATE.pack(*counter), counter[0]) for key, counter in self._touched.items()]
        self._store.update((key, state) for key, state, _ in written)
        self._touched = {}
        return written


class CountingShard:
    """The counters behind the interface that LeadHeat's engine asks of a shard."""

    def __init__(self, plan: Plan, store: MutableMapping[bytes, bytes], *_: int | None) -> None:
        self._store = store
        self._counters = Counters(store)
        self._changes = Changes()

    @property
    def leads(self) -> int:
        return len(self._store)

    full = False

    def recover(self, again: Iterable[bytes] = (), generation: int = 0) -> Changes:
        return Changes()

    def receive(self, records: Iterable[Record]) -> None:
        counts = self._changes.counts
        for record in records:
            self._counters.add(record.topic, (record,))
            counts[record.topic, "scored"] = counts.get((record.topic, "scored"), 0) + 1

    def advance(self, now: int) -> None:
        """Time changes nothing here."""

    def next_wake(self) -> int | None:
        return None

    def forget(self, committed: dict[str, int]) -> None:
        """Every lead is kept."""

    def regrid(self, plan: Plan) -> Changes:
        return Changes()

    def flush(self) -> Changes:
        changes, self._changes = self._changes, Changes()
        for key, state, count in self._counters.flush():
            changes.states.append((key, state))
            changes.scores.append(Send(SCORES, key, score_record(key, count), 0))
        return changes

    def settle(self) -> list[tuple[bytes, bytes]]:
        return []
