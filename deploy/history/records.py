"""Makes the records of history: stamped with their events' own times, for the stream to walk as the file."""

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from connectors.ingest.producer import Outgoing
from connectors.ingest.records import event_record
from scorer.errors import EventError
from scorer.event import decode
from scorer.silence import header
from scorer.times import DAY, Micros
from scorer.topics import topic_of

_EPOCH: Final = 0
"""Kafka has no stamps before."""
_NONE: Final[Mapping[str, int]] = MappingProxyType({})


class Stamp:
    """What the records of one import have in common."""

    def __init__(
        self,
        now: Micros,
        kept_days: int,
        most_bytes: int,
        own_days: Mapping[str, int] = _NONE,
    ) -> None:
        """`kept_days`: after which Kafka deletes a record, by its stamp; 0: never; `own_days`: by topic."""
        self.now = now
        self._kept_days = kept_days
        self._own_days = own_days
        self._most_bytes = most_bytes

    def record(self, raw: bytes, place: str, silent_until: Micros) -> Outgoing:
        """The record of an event's JSON; raises EventError where it is none, or has no time.

        An event without an id gets the one of its `place` in the archive, the same each time.
        """
        event = decode(raw)
        if event.moment is None:
            raise EventError("time: missing: history needs to say when it happened")
        self._require_kept(topic_of(event.type), event.moment)
        if not event.id:
            raw = b'%s,"id":"%s"}' % (raw.rstrip()[:-1].rstrip(), name(place).encode())
        found = event_record(raw, self._most_bytes)
        stamp = Micros(min(event.moment, self.now))
        return Outgoing(found.topic, found.key, found.value, (header(silent_until),), timestamp=stamp)

    def _require_kept(self, topic: str, moment: int) -> None:
        days = self._own_days.get(topic, self._kept_days)
        if not days and moment < _EPOCH:
            raise EventError("time: before 1970: Kafka has no such stamps")
        if days and moment < self.now - days * DAY:
            setting = "RETENTION_DAYS" if topic in self._own_days else "RAW_RETENTION_DAYS"
            raise EventError(f"time: older than LEADHEAT_{setting} ({days}): Kafka would delete it")


def name(place: str) -> str:
    """The id of an event that has none, by its place."""
    return "import-" + hashlib.sha256(place.encode()).hexdigest()[:32]
