"""Histories of leads, replayed from their events."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final

from connectors.serve.desk import Desk
from connectors.serve.lead_events import OwnEvent, events_of
from connectors.serve.scoring import Scoring
from scorer.history import History
from scorer.times import DAY, Micros, parse_time

Record = dict[str, Any]
Version = tuple[str, str, float, int]
_KEPT: Final = 2_000
"""Histories for sparks; a few kilobytes each."""
_SPARK_DAYS: Final = 7


class Story:
    """A lead's own events, in order of time, and what they did to its score up to a moment."""

    def __init__(self, scoring: Scoring, events: list[OwnEvent], until: Micros) -> None:
        self.events = events
        self.history: History = scoring.replay([one.for_replay() for one in events], until)
        self._labels = scoring.labels

    def changes(self) -> list[Record]:
        """The changes of the tier, newest first."""
        return self.history.changes[::-1]

    def points(self) -> dict[str, list[Record]]:
        """What each event gave, then and now, by its id."""
        return {
            self.events[entry.index].id: [
                {
                    "criterion": gain.criterion,
                    "label": self._labels[gain.criterion],
                    "then": gain.then,
                    "now": gain.now,
                }
                for gain in entry.gains
            ]
            for entry in self.history.entries
        }


class Histories:
    """Replays in a thread, so that a long history holds nobody up."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._kept: OrderedDict[str, tuple[Version, History]] = OrderedDict()
        desk.on_removed.append(lambda lead: self._kept.pop(lead, None))

    async def story(self, record: Record, now: Micros) -> Story:
        """What a lead did up to now, given its record as the topic has it."""
        events = await events_of(self._desk.cache, [record])
        until = max(now, parse_time(record["as_of"]))
        return await asyncio.to_thread(Story, self._desk.scoring, events[record["lead_id"]], until)

    async def sparks(self, records: Sequence[Record], views: Sequence[Record], now: Micros) -> None:
        """Adds to each view its score 6, 5, 4, 3, 2 and 1 times 24 hours ago, and now."""
        times = [now - DAY * ago for ago in range(_SPARK_DAYS - 1, 0, -1)]
        histories = await self._of(records)
        for view in views:
            view["spark"] = [*histories[view["lead_id"]].curve(times), view["score"]]

    async def _of(self, records: Sequence[Record]) -> dict[str, History]:
        """Histories up to the records; kept until a lead's record or events change."""
        scoring, found, missing = self._desk.scoring, {}, []
        versions = await self._versions(scoring, records)
        for record in records:
            lead = record["lead_id"]
            held = self._kept.get(lead)
            if held and held[0] == versions[lead]:
                self._kept.move_to_end(lead)
                found[lead] = held[1]
            else:
                missing.append(record)
        if missing:
            events = await events_of(self._desk.cache, missing)
            for lead, history in await asyncio.to_thread(_replay, scoring, missing, events):
                found[lead] = history
                self._kept[lead] = (versions[lead], history)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return found

    async def _versions(self, scoring: Scoring, records: Sequence[Record]) -> dict[str, Version]:
        pipe = self._desk.cache.redis.pipeline(transaction=False)
        for record in records:
            for identity in record["identities"]:
                pipe.zcard(self._desk.cache.key("events", identity))
        counts = iter(await pipe.execute() if records else [])
        return {
            record["lead_id"]: (
                scoring.digest,
                record["as_of"],
                record["score"],
                sum(next(counts) for _ in record["identities"]),
            )
            for record in records
        }


def _replay(
    scoring: Scoring, records: Sequence[Record], events: dict[str, list[OwnEvent]]
) -> list[tuple[str, History]]:
    return [
        (
            lead := record["lead_id"],
            scoring.replay([one.for_replay() for one in events[lead]], parse_time(record["as_of"])),
        )
        for record in records
    ]
