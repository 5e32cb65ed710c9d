"""Who has which lead, as the office writes it on `leadheat.tasks`; an alert waits a moment for its own."""

import asyncio
from collections import defaultdict
from typing import Any, Final

import msgspec

from connectors.durable.follower import Follower
from connectors.notify.alert import Alert
from connectors.notify.config import NotifyConfig
from connectors.office.rows import Assigned, assigned_key, load
from connectors.office.team import Person
from scorer.times import SECOND, Micros, micros
from scorer.topics import TASKS, full_name

_PREFIX: Final = assigned_key("")


class Assignments:
    """Of each lead the last assignment; `note` takes the topic's records up."""

    def __init__(self, config: NotifyConfig) -> None:
        self._team = config.team
        self._clock = config.clock
        self._within_s = config.assigned_within_s
        self._rows: dict[str, Assigned] = {}
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    def note(self, record: Any) -> None:
        """Takes a row up, and tells whoever waits for it."""
        key = record.key.decode(errors="replace")
        if not key.startswith(_PREFIX):
            return
        lead = key.removeprefix(_PREFIX)
        try:
            row = load(record.value) if record.value else None
        except msgspec.DecodeError:
            return  # of another version: its alerts go without a name
        if isinstance(row, Assigned):
            self._rows[lead] = row
        else:
            self._rows.pop(lead, None)
        for event in self._waiting.get(lead, ()):
            event.set()

    async def person(self, alert: Alert, since: Micros) -> Person | None:
        """Who has an alert's lead.

        Where the alert itself is to assign it, that is waited for, from when the alert was taken up.
        """
        left_s = (since - self._clock() + micros(self._within_s)) / SECOND
        if alert.assigns and self._team.people and left_s > 0:
            await self._written(alert, min(left_s, self._within_s))
        row = self._rows.get(alert.lead_id)
        if row is None or not (row.open or row.alert == alert.id):
            return None
        return self._team.people.get(row.person)

    async def _written(self, alert: Alert, within_s: float) -> None:
        """Returns once the office has written this alert's assignment, or does not in time."""
        event = asyncio.Event()
        self._waiting[alert.lead_id].add(event)
        try:
            async with asyncio.timeout(within_s):
                while not self._is_written(alert):
                    await event.wait()
                    event.clear()
        except TimeoutError:
            return
        finally:
            self._waiting[alert.lead_id].discard(event)
            if not self._waiting[alert.lead_id]:
                del self._waiting[alert.lead_id]

    def _is_written(self, alert: Alert) -> bool:
        row = self._rows.get(alert.lead_id)
        return row is not None and row.alert == alert.id


def follow(config: NotifyConfig, assignments: Assignments) -> Follower:
    """What keeps it up."""
    topic = full_name(config.topic_prefix, TASKS)
    return Follower(config.kafka, topic, "leadheat-notify", assignments.note)
