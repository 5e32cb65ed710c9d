"""Makes the records of history: stamped with their events' own times, for the stream to walk as the file."""

import hashlib
from typing import Final

from connectors.ingest.producer import Outgoing
from connectors.ingest.records import event_record
from scorer.errors import EventError
from scorer.event import decode
from scorer.silence import header
from scorer.times import DAY, Micros

_EPOCH: Final = 0
"""Kafka has no stamps before."""


class Stamp:
    """What the records of one import have in common."""

    def __init__(self, now: Micros, kept_days: int, most_bytes: int) -> None:
        """`kept_days`: after which Kafka deletes a record, by its stamp; 0: never."""
        self.now = now
        self._oldest = now - kept_days * DAY if kept_days else _EPOCH
        self._kept_days = kept_days
        self._most_bytes = most_bytes

    def record(self, raw: bytes, place: str, silent_until: Micros) -> Outgoing:
        """The record of an event's JSON; raises EventError where it is none, or has no time.

        An event without an id gets the one of its `place` in the archive, the same each time.
        """
        event = decode(raw)
        if event.moment is None:
            raise EventError("time: missing: history needs to say when it happened")
        if event.moment < self._oldest:
            raise EventError(
                f"time: older than LEADHEAT_RAW_RETENTION_DAYS ({self._kept_days}): Kafka would delete it"
                if self._kept_days
                else "time: before 1970: Kafka has no such stamps"
            )
        if not event.id:
            raw = b'%s,"id":"%s"}' % (raw.rstrip()[:-1].rstrip(), name(place).encode())
        found = event_record(raw, self._most_bytes)
        stamp = Micros(min(event.moment, self.now))
        return Outgoing(found.topic, found.key, found.value, (header(silent_until),), timestamp=stamp)


def name(place: str) -> str:
    """The id of an event that has none, by its place."""
    return "import-" + hashlib.sha256(place.encode()).hexdigest()[:32]
