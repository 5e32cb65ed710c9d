"""Hands each alert to its outlets once, and keeps in rows what is left to do and what was done."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from connectors.durable.erasures import Erasures
from connectors.durable.errors import NotOursError
from connectors.durable.follower import Follower
from connectors.durable.table import Table
from connectors.notify.alert import Alert, AlertError
from connectors.notify.assignments import Assignments
from connectors.notify.channels import OWNER, Channels
from connectors.notify.config import NotifyConfig
from connectors.notify.copies import Committed, Copies
from connectors.notify.delivery import OPEN, Delivery, dump, key_of, load, load_brief
from connectors.notify.errors import DeliveryError
from connectors.notify.ledger import Ledger
from connectors.notify.metrics import DELIVERIES, SECONDS
from connectors.notify.outlet import Health, Job, Outlet
from connectors.notify.parking import Parking, Request
from connectors.notify.routing import route
from connectors.notify.senders import open_outlets
from connectors.office.team import Person
from scorer.times import DAY, SECOND, Micros, format_time, parse_time

_NOWHERE: Final = "none"
"""The destination of a channel that is not in the file."""
_KEPT: Final = 90 * DAY
_LOOK_AGAIN_S: Final = 0.01
_WRITTEN_WITHIN_S: Final = 5.0
_LOOK_EVERY: Final = 3_600 * SECOND


class Desk:
    """The work of a member of notify's group."""

    def __init__(
        self,
        config: NotifyConfig,
        channels: Channels | None,
        table: Table,
        parking: Parking,
        erasures: Erasures,
        committed: Committed,
        assignments: Assignments | None = None,
        follower: Follower | None = None,
    ) -> None:
        self._config = config
        self._channels = channels
        self._table = table
        self._ledger = Ledger(table)
        self._parking = parking
        self._erasures = erasures
        self._copies = Copies(committed)
        self._assignments = assignments or Assignments(config)
        self._follower = follower
        self._outlets = open_outlets(channels, config, self)
        self._jobs: dict[int, dict[str, Job]] = {}
        self._looked = config.clock()
        self._to_look_through: list[int] = []
        """Partitions, one after the other: a million rows take a second, and heartbeats must not wait."""

    @property
    def health(self) -> Mapping[str, tuple[Health, int]]:
        """Of each destination, how it is and how many alerts wait for it."""
        return {label: (one.health, one.waiting) for label, one in self._outlets.items()}

    @property
    def idle(self) -> bool:
        """Nothing is under way."""
        return all(outlet.idle for outlet in self._outlets.values())

    async def gained(self, partition: int) -> None:
        """Goes on with what a partition's rows say."""
        self._jobs[partition] = {}
        rows = [(key, load(value)) for key, value in self._table.rows(partition).items() if _is_open(value)]
        for key, row in sorted(rows, key=lambda item: item[1].offset):
            await self._go_on(Job(key, partition, row))

    def lost(self, partitions: Sequence[int]) -> None:
        """They are somebody else's."""
        for partition in partitions:
            self._copies.forget(partition)
            self._ledger.lose(partition)
            for job in self._jobs.pop(partition, {}).values():
                self._drop(job)

    def lead_of(self, key: str, row: bytes) -> str:
        """Whose row it is."""
        return load_brief(row).lead

    def forgot(self, partition: int, keys: Sequence[str]) -> None:
        """Their leads were erased."""
        for key in keys:
            if (job := self._jobs.get(partition, {}).pop(key, None)) is not None:
                self._drop(job)
            self._ledger.note(partition, key, None)  # after whatever was noted of it before

    async def take(self, partition: int, records: Sequence[Any]) -> None:
        """Alerts, and parked ones that are asked for again: sent at once, their rows written meanwhile."""
        for record in records:
            if record.value is None or await self._copies.had(record):
                continue
            if record.topic == self._parking.topic:
                await self._asked(partition, record)
            else:
                await self._alerted(partition, record)
        await self._ledger.written(partition)

    async def go_on(self) -> None:
        """Tries what is due; forgets what is old."""
        self._ledger.check()
        if self._follower is not None:
            self._follower.check()
        for outlet in self._outlets.values():
            outlet.check()
            outlet.pump()
        now = self._config.clock()
        if now - self._looked >= _LOOK_EVERY:
            self._looked = now
            self._to_look_through = sorted(self._jobs)
        if self._to_look_through:
            self._forget_old(self._to_look_through.pop(), now)

    def changed(self, job: Job) -> None:
        """Writes a row; an outlet's word of what came of a delivery."""
        row = job.row
        self._ledger.note(job.partition, job.key, dump(row))
        if row.is_open:
            self._count(row, "retried")
            return
        self._jobs.get(job.partition, {}).pop(job.key, None)
        self._count(row, row.state)
        if row.state == "delivered":
            SECONDS.labels(row.channel).observe(max(0, self._config.clock() - parse_time(row.at)) / SECOND)

    async def parked(self, job: Job, reason: str, *, tried: bool = False) -> None:
        """Parks an alert: first on the topic, then in its row."""
        await self._parking.park(job.row, job.partition, reason)
        if not job.over:
            job.row = job.row.ended("parked", self._config.clock(), reason, tried=tried)
            self.changed(job)

    def wanted(self, job: Job) -> bool:
        """What takes an alert back is told where that alert was, and where nothing is known of it."""
        row = job.row
        if row.withdraws is None:
            return True
        before = self._row(job.partition, key_of(row.withdraws, row.channel, row.destination))
        return before is None or before.is_open or before.state == "delivered"

    async def person(self, job: Job, alert: Alert) -> Person | None:
        """Who has its lead; waits a moment for the office where the alert is to assign it."""
        return await self._assignments.person(alert, parse_time(job.row.since))

    async def hand_on(self, job: Job, alert: Alert, channel: str) -> None:
        """An alert for whoever has the lead goes to their channel, unless it goes there anyway."""
        if channel not in (self._channels or {}):
            raise DeliveryError(
                f"no channel {channel!r} in the channels file, where the team file sends it", retriable=False
            )
        elsewhere = {one.destination for one in route(alert, self._channels)}
        for destination in (self._channels or {})[channel]:
            if destination not in elsewhere and not job.over:
                await self._begin(
                    job.partition, alert, channel, destination.label, job.row.offset, again=True
                )

    def stop(self) -> None:
        """Starts no more deliveries."""
        for outlet in self._outlets.values():
            outlet.stop()

    async def close(self) -> None:
        """Gives up what is under way: its row says that it is still to be done."""
        for outlet in self._outlets.values():
            await outlet.close()
        await self._ledger.close(_WRITTEN_WITHIN_S)

    async def _alerted(self, partition: int, record: Any) -> None:
        try:
            alert = Alert.read(record.value)
        except AlertError as error:
            place = f"{record.topic}/{record.partition}/{record.offset}"
            await self._parking.park_broken(partition, place, record.value, str(error))
            return
        if self._erasures.gone(alert.lead_id):
            return
        for delivery in route(alert, self._channels):
            label = _NOWHERE if delivery.destination is None else delivery.destination.label
            await self._begin(partition, alert, delivery.channel, label, record.offset)

    async def _begin(
        self, partition: int, alert: Alert, channel: str, label: str, offset: int, *, again: bool = False
    ) -> None:
        """Begins a delivery, after what it takes back has ended."""
        if alert.withdrawn:
            await self._take_back(partition, key_of(alert.withdrawn, channel, label))
        await self._deliver(partition, alert, channel, label, offset, again=again)

    async def _deliver(
        self, partition: int, alert: Alert, channel: str, label: str, offset: int, *, again: bool = False
    ) -> None:
        """Begins a delivery, unless it has begun before; `again`: unless it is parked, too."""
        key = key_of(alert.id, channel, label)
        before = self._row(partition, key)
        if before is not None and not (again and before.state == "parked"):
            self._count(before, "duplicate")
            return
        now = self._config.clock()
        due = alert.due_at
        held = due is not None and due > now
        row = Delivery(
            id=alert.id,
            state="held" if held else "waiting",
            channel=channel,
            destination=label,
            lead=alert.lead_id,
            play=alert.play,
            at=alert.at,
            changed=format_time(now),
            since=format_time(due if held and due is not None else now),
            offset=offset,
            withdraws=alert.withdrawn,
            alert=alert.raw,
        )
        if held:
            self._count(row, "held")
        job = Job(key, partition, row)
        outlet = self._outlets.get(label)
        if outlet is not None and not await self._has_room(outlet):
            await self.parked(job, f"{self._config.max_waiting} alerts wait for this destination already")
            return
        if not self.wanted(job):
            job.row = row.ended("withdrawn", now, tried=False)
            self.changed(job)
            return
        self._ledger.note(partition, key, dump(row))
        await self._go_on(job)

    async def _has_room(self, outlet: Outlet) -> bool:
        """Whether one more may wait; where many come at once for one that takes them, there soon is."""
        while outlet.waiting >= self._config.max_waiting and outlet.moves:
            outlet.pump()
            await asyncio.sleep(_LOOK_AGAIN_S)
        return outlet.waiting < self._config.max_waiting

    async def _go_on(self, job: Job) -> None:
        """Hands a delivery to its outlet; parks it where there is none."""
        outlet = self._outlets.get(job.row.destination)
        if outlet is not None:
            self._jobs_of(job.partition)[job.key] = job
            outlet.add(job)
        elif job.row.destination == _NOWHERE:
            await self.parked(job, f"no channel {job.row.channel!r} in the channels file: add it there")
        elif job.row.destination == OWNER:
            await self.parked(job, "no team file says who has leads: set LEADHEAT_TEAM")
        else:
            await self.parked(job, "the channels file does not name this destination any more")

    async def _take_back(self, partition: int, key: str) -> None:
        """An alert is withdrawn: what was not delivered of it is not going to be."""
        job = self._jobs_of(partition).get(key)
        row = self._row(partition, key)
        if job is not None and job.under_way:
            job.taken_back = True
        elif job is not None:
            self._drop(job)
            job.row = job.row.ended("withdrawn", self._config.clock(), tried=False)
            self.changed(job)
        elif row is not None and row.state == "parked":
            ended = row.ended("withdrawn", self._config.clock(), row.error, tried=False)
            await self._parking.drop(row, partition, "the alert was withdrawn")
            self._ledger.note(partition, key, dump(ended))

    async def _asked(self, partition: int, record: Any) -> None:
        """A parked alert is asked for again: it has all its attempts anew."""
        try:
            asked = msgspec.json.decode(record.value, type=Request)
            alert = Alert.read(bytes(asked.alert)) if asked.result == "retry" else None
        except (msgspec.DecodeError, AlertError, UnicodeDecodeError):
            return  # a broken record that is parked, or somebody else's
        if alert is None or self._erasures.gone(alert.lead_id):
            return
        labels = [asked.destination]
        if asked.destination == _NOWHERE:  # there may be such a channel by now
            found = route(alert, self._channels)
            labels = [
                _NOWHERE if one.destination is None else one.destination.label
                for one in found
                if one.channel == asked.channel
            ]
            if _NOWHERE not in labels:
                self._ledger.note(partition, key_of(alert.id, asked.channel, _NOWHERE), None)
        for label in labels:
            await self._deliver(partition, alert, asked.channel, label, 0, again=True)

    def _forget_old(self, partition: int, now: Micros) -> None:
        if partition not in self._table.partitions:
            return
        oldest = format_time(now - _KEPT)  # texts of one form: their order is the moments', to the second
        for key, value in list(self._table.rows(partition).items()):
            brief = load_brief(value)
            if brief.changed < oldest and brief.state not in OPEN:
                self._ledger.note(partition, key, None)

    def _row(self, partition: int, key: str) -> Delivery | None:
        value = self._ledger.row(partition, key)
        return None if value is None else load(value)

    def _jobs_of(self, partition: int) -> dict[str, Job]:
        jobs = self._jobs.get(partition)
        if jobs is None:
            raise NotOursError(f"{self._table.topic}/{partition} is not ours any more")
        return jobs

    def _drop(self, job: Job) -> None:
        if (outlet := self._outlets.get(job.row.destination)) is not None:
            outlet.drop(job)

    def _count(self, row: Delivery, result: str) -> None:
        DELIVERIES.labels(row.channel, result).inc()


def _is_open(value: bytes) -> bool:
    return load_brief(value).state in OPEN
