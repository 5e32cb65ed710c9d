"""Removes erased people from the cache: under their own keys, and where others' lists tell of them."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

import msgspec

from connectors.serve.account_index import ROWS
from connectors.serve.acts import OF_ALERT, OF_LEAD, RAISED, leads_told_of, rows_about
from connectors.serve.cache import Cache
from connectors.serve.erasures import NOBODY, Erasures, without
from connectors.serve.facts import Kept, moment_of
from connectors.serve.lead_events import owner_at
from scorer.event import decode
from scorer.times import Micros

_SCAN: Final = 1_000
_BY_ID: Final = ("events", "ties", "claims", "answered", OF_LEAD, RAISED)
_TABLES: Final = ("records", "last", "index")


async def forget(cache: Cache, head: int, ids: Mapping[str, Micros | None]) -> None:
    """Leaves nothing of some ids, or nothing from before each was allowed again; may be repeated."""
    redis, key = cache.redis, cache.key
    listed = sorted(ids)
    again = [(one, await _newer(cache, one, since)) for one, since in ids.items() if since is not None]
    records = await redis.hmget(key("records"), listed)
    places = await redis.hmget(key("index"), listed)
    others = {one for text in records if text for one in msgspec.json.decode(text)["identities"]} - ids.keys()
    shared = [(other, await _part_of(cache, other, ids)) for other in sorted(others)]
    alerts, told = await _alerts_of(cache, ids)
    accounts = await _accounts_of(cache, ids)
    entries = await _entries_of(cache, ids)
    rows = await rows_about(cache, ids)
    async with cache.guarded(head) as pipe:
        for table, keys in rows.items():
            if keys:
                pipe.hdel(key(table), *keys)
        for text in places:
            for name, member in msgspec.json.decode(text) if text else ():
                pipe.zrem(key(name), member)
        for one in listed:
            pipe.unlink(*(key(kind, one) for kind in _BY_ID))
        for table in _TABLES:
            pipe.hdel(key(table), *listed)
        for other, (events, ties) in shared:
            pipe.srem(key("claims", other), *listed)
            if events:
                pipe.zrem(key("events", other), *events)
            for tie, at in ties:
                pipe.zrem(key("ties", other), tie)
                pipe.zadd(key("ties", other), {f"{at}|{NOBODY}": at})
        for alert in alerts:
            pipe.hdel(key("alerts"), alert)
            pipe.zrem(key("alerts_at"), alert)
            pipe.unlink(key("answers", alert), key("parked", alert), key(OF_ALERT, alert))
        for table, texts in (("alerts", told), (ROWS, accounts)):
            if texts:
                pipe.hset(key(table), mapping=texts)
        if entries:
            pipe.xdel(key("live"), *entries)
        for one, (newer, last) in again:
            if newer:
                pipe.zadd(key("events", one), newer)
            if last:
                pipe.hset(key("last"), one, last)


async def _newer(cache: Cache, identity: str, since: Micros) -> tuple[dict[str, float], str | None]:
    """What came of an id after it was allowed again: its events, and the last of them."""
    held = await cache.redis.zrange(cache.key("events", identity), 0, -1, withscores=True)
    events = {text: at for text, at in held if Kept.load(text).received >= since}
    last = await cache.redis.hget(cache.key("last"), identity)
    return events, last if events else None


async def sweep(cache: Cache, head: int, erasures: Erasures) -> int:
    """Removes whom the block list names and the cache still holds; how many ids that were.

    An erasure comes with the lead's score record; who was away longer than that is kept finds only the list.
    """
    if await cache.redis.get(cache.key("swept")) == erasures.digest:
        return 0
    found: set[str] = set()
    for table in _TABLES:
        async for one, _ in cache.redis.hscan_iter(cache.key(table), count=_SCAN):
            if erasures.gone(one):
                found.add(one)
    for kind in _BY_ID:
        start = cache.key(kind, "")
        async for name in cache.redis.scan_iter(match=f"{start}*", count=_SCAN):
            if erasures.gone(one := name.removeprefix(start)):
                found.add(one)
    async for lead in _leads_of_alerts(cache):
        if erasures.gone(lead):
            found.add(lead)
    found |= {lead for lead in await leads_told_of(cache) if erasures.gone(lead)}
    if found:
        await forget(cache, head, dict.fromkeys(found))
    await cache.redis.set(cache.key("swept"), erasures.digest)
    return len(found)


async def forget_told(cache: Cache, head: int, ids: set[str]) -> None:
    """Removes what told the followers of the stream that some leads are gone."""
    if entries := await _entries_of(cache, ids):
        async with cache.guarded(head) as pipe:
            pipe.xdel(cache.key("live"), *entries)


async def _part_of(cache: Cache, other: str, ids: Collection[str]) -> tuple[list[str], list[tuple[str, int]]]:
    """Of another's lists: the events of erased people, and the ties to them."""
    held = await cache.redis.zrange(cache.key("ties", other), 0, -1, withscores=True)
    ties = [(int(at), tie.split("|", 1)[1]) for tie, at in held]
    events = []
    for text in await cache.redis.zrange(cache.key("events", other), 0, -1):
        kept = Kept.load(text)
        event = decode(kept.value)
        owner = event.lead_id or owner_at(ties, moment_of(event, kept.received))
        if owner in ids:
            events.append(text)
    return events, [(tie, int(at)) for tie, at in held if tie.split("|", 1)[1] in ids]


async def _alerts_of(cache: Cache, ids: Collection[str]) -> tuple[list[str], dict[str, str]]:
    """Alerts of some ids, and those of accounts that name them, as they are without."""
    found, told = [], {}
    async for alert, text in cache.redis.hscan_iter(cache.key("alerts"), count=_SCAN):
        record = msgspec.json.decode(text)
        if record.get("lead_id") in ids:
            found.append(alert)
        elif (kept := without(record, ids.__contains__)) is not record:
            told[alert] = msgspec.json.encode(kept).decode()
    return found, told


async def _accounts_of(cache: Cache, ids: Collection[str]) -> dict[str, str]:
    """The accounts that name some ids, as they are without."""
    found = {}
    async for account, text in cache.redis.hscan_iter(cache.key(ROWS), count=_SCAN):
        record = msgspec.json.decode(text)
        if (kept := without(record, ids.__contains__)) is not record:
            found[account] = msgspec.json.encode(kept).decode()
    return found


async def _leads_of_alerts(cache: Cache) -> Any:
    for table in ("alerts", ROWS):
        async for _, text in cache.redis.hscan_iter(cache.key(table), count=_SCAN):
            record = msgspec.json.decode(text)
            for one in (record, *(record.get("leads") or ())):
                if isinstance(lead := one.get("lead_id"), str):
                    yield lead


async def _entries_of(cache: Cache, ids: Iterable[str]) -> list[str]:
    """The entries of the live stream that tell of some leads."""
    wanted, found, after = set(ids), [], "-"
    while entries := await cache.redis.xrange(cache.key("live"), min=after, count=_SCAN):
        for one, fields in entries:
            told = msgspec.json.decode(fields["d"])
            if told.get("lead_id") in wanted or without(told, wanted.__contains__) is not told:
                found.append(one)
        after = f"({entries[-1][0]}"
    return found
