"""Erases people from everything that the product keeps, and writes down what was done."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final, Literal

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.privacy import raw
from deploy.privacy.cache import Cached
from deploy.privacy.orders import Orders, committed_by
from deploy.privacy.person import find
from deploy.privacy.receipt import Receipt, in_ms
from deploy.privacy.rewriting import Rewriter
from deploy.privacy.topic_log import partitions_of, read_all, rows_of
from deploy.privacy.words import Names, hashes_of, texts
from deploy.settings import Settings
from scorer.blocks import Hasher
from scorer.brokers import connection
from scorer.topics import (
    ACCOUNTS,
    ALERTS,
    DELIVERIES,
    FAILED,
    HANDOVER,
    IN_TOPICS,
    NURTURING,
    SCORES,
    SYNC,
    TASKS,
    full_name,
)
from streams.config import changelog_name
from streams.topics import PARKED, admin_of, settings_of

_LOOK_AGAIN_S: Final = 0.5
_ROWS: Final = {DELIVERIES: "notify", TASKS: "notify", NURTURING: "nurture", SYNC: "sync"}
"""Topics of rows of leads, and the role that they are the memory of."""
_NEVER_MS: Final = 1 << 60  # Kafka's default is 2^63 - 1: no bound
_FREED_MS: Final = 10 * 60_000
"""Kafka looks for what may go every five minutes, and frees the disk a minute later."""

Raw = Literal["retention", "now"]
Say = Callable[[str], None]


class Erasing:
    """One erasure, of all the people that some ids are of."""

    def __init__(self, loaded: Settings, asked_by: str | None, within_s: float, say: Say) -> None:
        self._kafka = loaded.require_kafka()
        self._prefix = loaded.topic_prefix
        self._within_s = within_s
        self._cached = Cached(loaded.require_redis(), self._prefix) if loaded.redis else None
        self._hasher = Hasher(loaded.erasure_secret())
        self._say = say
        self._held: dict[str, int] = {}
        self.receipt = Receipt(asked_by)

    async def run(self, identities: set[str], raw_events: Raw) -> None:
        """Erases; the receipt says how far that came."""
        try:
            async with admin_of(self._kafka) as admin:
                names = await self._states(admin, identities)
                if names is not None:
                    await self._accounts(admin, names.ids)
                    await self._cache(names.ids)
                    for topic, role in _ROWS.items():
                        await self._rows(admin, topic, role, names.ids)
                    await self._topics(admin, names, raw_events)
        finally:
            if self._cached is not None:
                await self._cached.close()

    async def _states(self, admin: Any, identities: set[str]) -> Names | None:
        self._say("looking for all ids of the person in the states")
        person = await find(self._kafka, self._prefix, identities)
        named = person.names()
        for topic in _ROWS:  # counted before the roles hear of it
            rows = await rows_of(self._kafka, full_name(self._prefix, topic), named.ids)
            self._held[topic] = len(rows)
        self._say(f"{len(person.ids)} ids, {len(person.shared)} shared with others; waiting for the workers")
        held = len(person.ids & person.states.keys())
        orders = Orders(self._kafka, self._prefix, self._within_s)
        ids = await orders.erase(person)
        names = Names(named.ids if ids is None else ids, named.others)
        self.receipt.marks = hashes_of(self._hasher, names)
        self.receipt.ids, self.receipt.shared = len(names.ids), len(person.shared)
        changelog, scores = changelog_name(self._prefix), full_name(self._prefix, SCORES)
        if ids is None:
            did = (
                "the order waits on the topic of hand-overs: no worker carried it out in time; give it again"
            )
            self.receipt.add(changelog, did, undone=True)
            return None
        for topic in (changelog, scores):
            did = (
                "deleted and blocked; old versions go when Kafka compacts (at the latest then, if written to)"
            )
            self.receipt.add(topic, did, held, await self._compacted(admin, topic))
        return names

    async def _compacted(self, admin: Any, topic: str) -> str | None:
        """When old versions and deletions have gone: Kafka cleans once for those, once for these."""
        settings = await settings_of(admin, topic)
        lag, kept = (int(settings.get(name, 0)) for name in ("max.compaction.lag.ms", "delete.retention.ms"))
        bounded = 0 < lag < _NEVER_MS
        return in_ms(2 * lag + kept + _FREED_MS) if bounded else None

    async def _accounts(self, admin: Any, ids: frozenset[str]) -> None:
        """Waits until no account names them any more."""
        topic = full_name(self._prefix, ACCOUNTS)
        deadline = time.monotonic() + self._within_s
        while await self._named(topic, ids):
            if time.monotonic() > deadline:
                did = "accounts still name them: let `leadheat accounts` run, and give the command again"
                self.receipt.add(topic, did, undone=True)
                return
            await asyncio.sleep(_LOOK_AGAIN_S)
        did = "written without them; old versions go when Kafka compacts"
        self.receipt.add(topic, did, gone_by=await self._compacted(admin, topic))

    async def _named(self, topic: str, ids: frozenset[str]) -> bool:
        """Whether an account's last row names one of some ids."""
        for partition in await partitions_of(self._kafka, topic):
            rows: dict[bytes, bytes] = {}
            async for record in read_all(self._kafka, topic, partition):
                rows[record.key] = record.value or b""
            if any(_of_one(row, ids) for row in rows.values()):
                return True
        return False

    async def _cache(self, ids: frozenset[str]) -> None:
        if self._cached is None:
            self.receipt.add(
                "cache", "not looked at, since LEADHEAT_REDIS is not set: `serve` removes it by itself"
            )
        elif await self._cached.empty_of(set(ids), time.monotonic() + self._within_s):
            self.receipt.add("cache", "removed")
        else:
            did = "not removed in time: let `serve` run, and give the command again"
            self.receipt.add("cache", did, undone=True)

    async def _rows(self, admin: Any, topic: str, role: str, ids: frozenset[str]) -> None:
        """Waits until a role has given up the person's rows, as it does by itself."""
        full, held = full_name(self._prefix, topic), self._held[topic]
        deadline = time.monotonic() + self._within_s
        while rows := await rows_of(self._kafka, full, ids):
            held = max(held, len(rows))
            if time.monotonic() > deadline:
                did = f"not deleted in time: let `{role}` run, and give the command again"
                self.receipt.add(full, did, undone=True)
                return
            await asyncio.sleep(_LOOK_AGAIN_S)
        if held:
            did = "deleted; old versions go when Kafka compacts (at the latest then, if written to)"
            self.receipt.add(full, did, held, await self._compacted(admin, full))
        else:
            self.receipt.add(full, "nothing found", 0)

    async def _topics(self, admin: Any, names: Names, raw_events: Raw) -> None:
        if not await raw.can_delete(admin, self._kafka, self._prefix):
            for topic in (ALERTS, FAILED, PARKED, HANDOVER, *IN_TOPICS):
                did = "left: the embedded broker deletes no records; it forgets all of them when it stops"
                self.receipt.add(full_name(self._prefix, topic), did)
            return
        await self._deliveries(admin)
        await self._rewrite(admin, names)
        await raw.delete_read(self._kafka, admin, self._prefix, raw.HANDOVERS, None)
        full = full_name(self._prefix, HANDOVER)
        await self._cut(admin, full, "deleted up to what the workers have read")
        if raw_events == "now":
            await self._raw_now(admin)
        else:
            await self._raw_later(admin)

    async def _deliveries(self, admin: Any) -> None:
        """Waits until `notify` has dealt with the alerts there were, so that it parks none of them later."""
        name = full_name(self._prefix, ALERTS)
        parts = [TopicPartition(name, number) for number in await partitions_of(self._kafka, name)]
        ends = await _ends(self._kafka, parts)
        deadline = time.monotonic() + self._within_s
        while True:
            done = await committed_by(admin, f"{self._prefix}-notify", parts)
            if not done or all(done.get(part, 0) >= end for part, end in ends.items()):
                return  # none at all: nobody ever delivered
            if time.monotonic() > deadline:
                did = "alerts wait to be delivered: once `notify` has dealt with them, give the command again"
                self.receipt.add("notify", did, undone=True)
                return
            await asyncio.sleep(_LOOK_AGAIN_S)

    async def _rewrite(self, admin: Any, names: Names) -> None:
        rewriter = Rewriter(self._kafka, admin)
        for topic, goes in (
            (ALERTS, lambda record: _is_of(record, names)),
            (FAILED, lambda record: _names(record, names)),
            (PARKED, lambda record: _is_of(record, names) or _broken_of(record, names)),
        ):
            full = full_name(self._prefix, topic)
            self._say(f"looking through {full}")
            removed = await rewriter.rewrite(full, goes)
            if removed:
                await self._cut(admin, full, "rewritten without them", removed)
            else:
                self.receipt.add(full, "nothing found", 0)

    async def _raw_now(self, admin: Any) -> None:
        did = "deleted up to what scoring and the cache have read, of everybody"
        found = await raw.delete_read(self._kafka, admin, self._prefix, IN_TOPICS, self._cached)
        for topic in found:
            await self._cut(admin, full_name(self._prefix, topic), did)

    async def _cut(self, admin: Any, topic: str, did: str, removed: int | None = None) -> None:
        """Notes what nobody can read any more, and when it is off the disk too.

        Kafka frees whole files: the last of those holds what came since, too, and goes by that one's age.
        """
        gone_by = await self._aged_out(admin, topic)
        if gone_by is None:
            did += "; unreadable, but its last file stays on the disk, as the topic keeps all for good"
        self.receipt.add(topic, did, removed, gone_by)

    async def _aged_out(self, admin: Any, topic: str) -> str | None:
        """When what a topic holds now has gone by its age, with its file; None: never."""
        settings = await settings_of(admin, topic)
        kept_ms = int(settings.get("retention.ms", "-1"))
        return None if kept_ms < 0 else in_ms(kept_ms + int(settings.get("segment.ms", "0")) + _FREED_MS)

    async def _raw_later(self, admin: Any) -> None:
        for topic in IN_TOPICS:
            full = full_name(self._prefix, topic)
            gone_by = await self._aged_out(admin, full)
            if gone_by is None:
                did = "left: events are kept for good; use --raw now, or set LEADHEAT_RAW_RETENTION_DAYS"
                self.receipt.add(full, did, undone=True)
            else:
                self.receipt.add(
                    full, "left: goes with the retention of events (or --raw now)", gone_by=gone_by
                )


async def _ends(kafka: str, parts: list[TopicPartition]) -> dict[TopicPartition, int]:
    consumer = AIOKafkaConsumer(**connection(kafka))
    await consumer.start()
    try:
        found: dict[TopicPartition, int] = await consumer.end_offsets(parts)
        return found
    finally:
        await consumer.stop()


def _is_of(record: Any, names: Names) -> bool:
    """Whether an alert, or one that could not be delivered, is the person's."""
    try:
        told = msgspec.json.decode(record.value or b"", type=dict[str, Any])
    except msgspec.DecodeError:
        return _names(record, names)
    alert = told.get("alert", told)
    return isinstance(alert, dict) and not names.ids.isdisjoint({alert.get("lead_id"), *_leads_of(alert)})


def _leads_of(told: dict[str, Any]) -> set[str]:
    """The leads that an account, or an alert of it, names."""
    leads = told.get("leads")
    listed = leads if isinstance(leads, list) else []
    return {str(one["lead_id"]) for one in listed if isinstance(one, dict) and "lead_id" in one}


def _of_one(row: bytes, ids: frozenset[str]) -> bool:
    """Whether an account's row, or an alert that it still holds, names one of some ids."""
    try:
        told = msgspec.json.decode(row, type=dict[str, Any])
    except msgspec.DecodeError:
        return False
    outbox = told.get("kept", {}).get("outbox", [])
    return any(_leads_of(one) & ids or one.get("lead_id") in ids for one in (told, *outbox))


def _broken_of(record: Any, names: Names) -> bool:
    told = msgspec.json.decode(record.value or b"null")
    return isinstance(told, dict) and "record" in told and any(map(names.named, texts(told["record"])))


def _names(record: Any, names: Names) -> bool:
    """Whether anything in a record names the person."""
    parts = (record.key or b"", record.value or b"", *(value for _, value in record.headers))
    return any(names.named(text) for part in parts for text in texts(part))
