"""Writes a batch of facts into the cache: what they say, then what follows from it, with the offsets."""

import uuid
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from connectors.serve import live
from connectors.serve.account_index import place, places_of
from connectors.serve.acts import note_act
from connectors.serve.cache import Cache
from connectors.serve.facts import AccountFact, AlertFact, EventFact, Fact, Incoming, ParkedFact, ScoreFact
from connectors.serve.lead_index import Entry, entries, recently
from connectors.serve.scoring import Scoring
from scorer.times import SECOND, Micros, parse_time

Taken = tuple[Incoming, Fact | None]
_TIES_KEPT: Final = 64
_LOOSE: Final = 0.5
"""Points that a bound may lie above what it could be."""
BOUNDS_HOLD: Final = 3_600 * SECOND
"""Bounds hold from so long ago on: a list is paged through at the moment of its first page."""


class BatchWriter:
    """Fills the cache, batch after batch.

    A batch is two transactions. The first writes what the records say and may be repeated; the second what
    follows from the first, the live entries and the offsets, and happens once.
    """

    def __init__(self, cache: Cache, events_kept: int, stream_kept: int) -> None:
        self._cache = cache
        self._events_kept = events_kept
        self._stream_kept = stream_kept
        self.head = 0

    async def write(
        self, taken: Sequence[Taken], scoring: Scoring, progress: dict[str, Any], floors: dict[str, int]
    ) -> None:
        """Writes a batch; DisplacedError: it did not happen, or only its first, repeatable half."""
        events = [fact for _, fact in taken if isinstance(fact, EventFact)]
        scores = {fact.lead: fact for _, fact in taken if isinstance(fact, ScoreFact)}
        if taken:
            await self._facts(taken, events, scores)
        before, after = await self._moves(events, scores, scoring)
        trim = await live.trimming(self._cache, self._stream_kept)
        async with self._cache.guarded(self.head) as pipe:
            for lead in before.keys() | after.keys():
                self._move(pipe, lead, before.get(lead, []), after.get(lead, []))
            for record, fact in taken:
                live.append(self._cache, pipe, record, fact, floors)
            trim(pipe)
            for place, floor in floors.items():
                pipe.hsetnx(self._cache.key("floors"), place, floor)
            if offsets := {f"{one.topic}:{one.partition}": one.offset + 1 for one, _ in taken}:
                pipe.hset(self._cache.key("offsets"), mapping=offsets)
            pipe.set(self._cache.key("progress"), msgspec.json.encode(progress))
            pipe.set(self._cache.key("head"), str(self.head + 1))
        self.head += 1

    async def complete(self) -> None:
        """Says that the cache holds everything that the topics held."""
        async with self._cache.guarded(self.head) as pipe:
            pipe.set(self._cache.key("built"), uuid.uuid4().hex, nx=True)

    async def forget(self) -> None:
        """Drops the cache's claim to be complete, so that it is built anew."""
        async with self._cache.guarded(self.head) as pipe:
            pipe.delete(self._cache.key("built"), self._cache.key("layout"))

    async def rank(self, leads: Iterable[str], scoring: Scoring) -> None:
        """Places leads by another grid; where they stood by the one before stays until that is dropped."""
        after = await self.places(leads, scoring)
        async with self._cache.guarded(self.head) as pipe:
            for lead, found in after.items():
                self._move(pipe, lead, [], found)

    async def tighten(self, leads: Sequence[str], key: str, scoring: Scoring, now: Micros) -> int:
        """Lowers bounds that time has made too high, in the order at a key; returns how many.

        A bound that lies little above is left: to rewrite it would save a reader nothing.
        """
        texts = await self._cache.redis.hmget(self._cache.key("records"), leads)
        bounds = await self._cache.redis.zmscore(key, leads)
        lowered = {}
        for lead, text, bound in zip(leads, texts, bounds, strict=True):
            if text and bound is not None:
                least = scoring.upper_bound(msgspec.json.decode(text), now - BOUNDS_HOLD)
                if least < bound - _LOOSE:
                    lowered[lead] = least
        if lowered:
            async with self._cache.guarded(self.head) as pipe:
                pipe.zadd(key, lowered, xx=True)
        return len(lowered)

    async def ranked(self, scoring: Scoring) -> None:
        """Says that every lead is placed by a grid, and drops the orders of others."""
        async with self._cache.guarded(self.head) as pipe:
            pipe.set(self._cache.key("ranked"), scoring.digest)
        mine = self._cache.key("order", scoring.digest)
        async for name in self._cache.redis.scan_iter(match=self._cache.key("order", "*"), count=1_000):
            if not name.startswith(mine):
                await self._cache.redis.unlink(name)

    async def _facts(
        self, taken: Sequence[Taken], events: list[EventFact], scores: dict[str, ScoreFact]
    ) -> None:
        key = self._cache.key
        accounts = {fact.account: fact for _, fact in taken if isinstance(fact, AccountFact)}
        lasts = await self._lasts(events)
        named = await places_of(self._cache, accounts)
        claimed = await self._claims_of(scores)
        async with self._cache.guarded(self.head) as pipe:
            self._events(pipe, events)
            for account, told in accounts.items():
                place(self._cache, pipe, account, named[account], told.record)
            if lasts:
                pipe.hset(key("last"), mapping=lasts)
            for lead, score in scores.items():
                held = set() if score.record is None else {*score.record["identities"]} - {lead}
                for identity in claimed.get(lead, set()) - held:
                    pipe.srem(key("claims", identity), lead)
                for identity in held - claimed.get(lead, set()):
                    pipe.sadd(key("claims", identity), lead)
                if score.record is None:
                    pipe.hdel(key("records"), lead)
                else:
                    pipe.hset(key("records"), lead, score.text)
            for record, fact in taken:
                note_act(self._cache, pipe, fact)
                if isinstance(fact, AlertFact):
                    pipe.hset(key("alerts"), fact.id, fact.text)
                    pipe.zadd(key("alerts_at"), {fact.id: fact.at})
                elif isinstance(fact, ParkedFact):
                    pipe.hset(key("parked", fact.alert), record.place, f"{record.timestamp}\n{fact.text}")

    def _events(self, pipe: Any, events: list[EventFact]) -> None:
        key = self._cache.key
        stored: dict[str, dict[str, int]] = {}
        for event in events:
            for identity in event.copies:  # none, of an event whose lead was erased
                stored.setdefault(identity, {})[event.stored] = event.at
            if event.tie:
                anonymous, lead = event.tie
                pipe.zadd(key("ties", anonymous), {f"{event.at}|{lead}": event.at})
                pipe.zremrangebyrank(key("ties", anonymous), 0, -_TIES_KEPT - 1)
            if event.answer:
                text = msgspec.json.encode(event.answer).decode()
                pipe.hset(key("answered", event.key), event.id, text)
                if alert := event.answer["alert_id"]:
                    pipe.hset(key("answers", alert), event.id, text)
        for identity, members in stored.items():
            pipe.zadd(key("events", identity), members)
            pipe.zremrangebyrank(key("events", identity), 0, -self._events_kept - 1)

    async def _lasts(self, events: list[EventFact]) -> dict[str, str]:
        """Newest activity and newest channel of each identity, where they are news."""
        active = [event for event in events if event.last]
        identities = list({event.key for event in active})
        if not identities:
            return {}
        known = await self._cache.redis.hmget(self._cache.key("last"), identities)
        found = {
            one: msgspec.json.decode(text) if text else {}
            for one, text in zip(identities, known, strict=True)
        }
        for event in active:
            entry, order = found[event.key], [event.at, event.id]
            if order >= entry.get("order", [Micros(0), ""]):
                entry.update(order=order, event=event.last)
            if event.channel and order >= entry.get("channel_order", [Micros(0), ""]):
                entry.update(channel_order=order, channel=event.channel)
        return {one: msgspec.json.encode(entry).decode() for one, entry in found.items()}

    async def _claims_of(self, scores: dict[str, ScoreFact]) -> dict[str, set[str]]:
        if not scores:
            return {}
        leads = list(scores)
        held = await self._cache.redis.hmget(self._cache.key("records"), leads)
        return {
            lead: {*msgspec.json.decode(text).get("identities", [])} - {lead}
            for lead, text in zip(leads, held, strict=True)
            if text
        }

    async def _moves(
        self, events: list[EventFact], scores: dict[str, ScoreFact], scoring: Scoring
    ) -> tuple[dict[str, list[list[str]]], dict[str, list[Entry]]]:
        """Where leads were found, and where they are from now on.

        A lead with a new record is placed anew; of one that only did something, the order by time changes.
        """
        active: dict[str, Micros] = {}
        for event in events:
            if event.last:
                active[event.key] = max(event.at, active.get(event.key, event.at))
        did: dict[str, Micros] = {}
        for identity, lead in await self._claimants(active):
            if lead not in scores:
                did[lead] = max(active[identity], did.get(lead, active[identity]))
        before = await self._index_of([*scores, *did])
        after = await self.places(scores, scoring)
        for lead, at in did.items():
            if lead in before:
                after[lead] = recently(lead, before[lead], at)
        return before, after

    async def _claimants(self, identities: Iterable[str]) -> list[tuple[str, str]]:
        """Identities, each with the leads that show what it did."""
        listed = list(identities)
        pipe = self._cache.redis.pipeline(transaction=False)
        for identity in listed:
            pipe.smembers(self._cache.key("claims", identity))
        claims = await pipe.execute() if listed else []
        return [(one, lead) for one, leads in zip(listed, claims, strict=True) for lead in {one, *leads}]

    async def _index_of(self, leads: Iterable[str]) -> dict[str, list[list[str]]]:
        listed = list(leads)
        if not listed:
            return {}
        known = await self._cache.redis.hmget(self._cache.key("index"), listed)
        return {lead: msgspec.json.decode(text) for lead, text in zip(listed, known, strict=True) if text}

    async def places(self, leads: Iterable[str], scoring: Scoring) -> dict[str, list[Entry]]:
        """Where leads are to be found, by what the cache holds of them now; gone leads nowhere."""
        listed = list(leads)
        if not listed:
            return {}
        texts = await self._cache.redis.hmget(self._cache.key("records"), listed)
        records = {lead: msgspec.json.decode(text) for lead, text in zip(listed, texts, strict=True) if text}
        recents = await newest(self._cache, records)
        return {lead: entries(lead, record, recents.get(lead), scoring) for lead, record in records.items()}

    def _move(self, pipe: Any, lead: str, before: list[list[str]], after: list[Entry]) -> None:
        key = self._cache.key
        held, wanted = {(name, member) for name, member in before}, {entry[:2] for entry in after}
        for name, member in held - wanted:
            pipe.zrem(key(name), member)
        for name, member, bound in after:
            if bound is not None:  # it moves without the lead's moving
                pipe.zadd(key(name), {member: bound})
            elif (name, member) not in held:
                pipe.zadd(key(name), {member: 0.0})
        if wanted and wanted != held:
            pipe.hset(key("index"), lead, msgspec.json.encode(sorted(wanted)).decode())
        elif held and not wanted:
            pipe.hdel(key("index"), lead)


async def newest(cache: Cache, records: dict[str, Any]) -> dict[str, Micros]:
    """Moment of each lead's newest activity; leads without any are left out."""
    wanted = [
        (lead, identity) for lead, record in records.items() for identity in record.get("identities", [lead])
    ]
    if not wanted:
        return {}
    known = await cache.redis.hmget(cache.key("last"), [identity for _, identity in wanted])
    found: dict[str, Micros] = {}
    for (lead, _), text in zip(wanted, known, strict=True):
        if text and "event" in (entry := msgspec.json.decode(text)):
            at = parse_time(entry["event"]["time"])
            found[lead] = max(at, found.get(lead, at))
    return found
