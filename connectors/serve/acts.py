"""What was done about alerts: their deliveries, whom a lead was assigned to, its tasks; kept and read."""

from collections.abc import Collection, Sequence
from typing import Any, Final

import msgspec

from connectors.serve.cache import Cache
from connectors.serve.facts import AlertFact, DeliveryFact, TaskFact
from scorer.times import format_time

DELIVERIES: Final = "deliveries"
TASKS: Final = "tasks"
"""Hashes of rows by the keys of their topics."""
OF_ALERT: Final = "deliveries_of"
OF_LEAD: Final = "tasks_of"
"""The keys of the rows of an alert, of a lead; of a row that is gone there may be one left."""
RAISED: Final = "raised"
"""Of a lead: when each play went off last."""
_SCAN: Final = 1_000
Record = dict[str, Any]


def note_act(cache: Cache, pipe: Any, fact: object) -> None:
    """Takes a row up, or drops it; does nothing with any other fact."""
    if isinstance(fact, DeliveryFact):
        _note(cache, pipe, DELIVERIES, OF_ALERT, fact.alert, fact.key, fact.text)
    elif isinstance(fact, AlertFact) and not {"account", "escalates"} & fact.record.keys():
        name, play = cache.key(RAISED, fact.record["lead_id"]), str(fact.record.get("play"))
        if fact.record.get("withdrawn"):
            pipe.zrem(name, play)  # so is its cooldown; when it went off before is not known here
        else:
            pipe.zadd(name, {play: fact.at}, gt=True)
    elif isinstance(fact, TaskFact):
        _note(cache, pipe, TASKS, OF_LEAD, fact.lead, fact.key, fact.text)


def _note(cache: Cache, pipe: Any, table: str, index: str, owner: str, key: str, text: str | None) -> None:
    if text is None:
        pipe.hdel(cache.key(table), key)
    else:
        pipe.hset(cache.key(table), key, text)
        pipe.sadd(cache.key(index, owner), key)


async def deliveries_of(cache: Cache, alerts: Sequence[str]) -> list[list[Record]]:
    """Of each alert its deliveries, as they are shown, by channel."""
    found = []
    for rows in await _rows(cache, DELIVERIES, OF_ALERT, alerts):
        shown = [
            {
                "channel": row["channel"],
                "destination": row["destination"],
                "result": row["state"],
                "at": row["changed"],
                "attempts": row["attempts"],
                "due": row["due"],
                "reason": row["error"],
                "expired": row["expired"],
            }
            for row in rows
        ]
        found.append(sorted(shown, key=lambda one: (one["channel"], one["destination"])))
    return found


async def tasks_of(cache: Cache, identities: Sequence[str]) -> tuple[Record | None, list[Record]]:
    """Who has a lead, by any of its identities, and what is to be done about it, the newest first."""
    rows = [row for many in await _rows(cache, TASKS, OF_LEAD, identities) for row in many]
    assigned = max((row for row in rows if row["row"] == "assigned"), key=lambda one: one["at"], default=None)
    tasks = sorted((row for row in rows if row["row"] == "task"), key=lambda one: -one["since"])
    holder = assigned and {
        "person": assigned["person"],
        "why": assigned["why"],
        "at": format_time(assigned["at"]),
        "alert": assigned["alert"],
        "open": assigned["open"],
    }
    return holder, [
        {
            "what": row["what"],
            "person": row["person"],
            "since": format_time(row["since"]),
            "due": None if row["due"] is None else format_time(row["due"]),
            "state": row["state"],
            "by": row["by"],
            "alert": row["alert"],
        }
        for row in tasks
    ]


async def _rows(cache: Cache, table: str, index: str, owners: Sequence[str]) -> list[list[Record]]:
    pipe = cache.redis.pipeline(transaction=False)
    for owner in owners:
        pipe.smembers(cache.key(index, owner))
    keys = [sorted(one) for one in await pipe.execute()] if owners else []
    wanted = [key for many in keys for key in many]
    texts = await cache.redis.hmget(cache.key(table), wanted) if wanted else []
    rows = {key: msgspec.json.decode(text) for key, text in zip(wanted, texts, strict=True) if text}
    return [[rows[key] for key in many if key in rows] for many in keys]


async def rows_about(cache: Cache, ids: Collection[str]) -> dict[str, list[str]]:
    """The rows that tell of some ids, by table."""
    found: dict[str, list[str]] = {DELIVERIES: [], TASKS: []}
    for table, keys in found.items():
        async for key, text in cache.redis.hscan_iter(cache.key(table), count=_SCAN):
            if msgspec.json.decode(text)["lead"] in ids:
                keys.append(key)
    return found


async def leads_told_of(cache: Cache) -> set[str]:
    """All leads that rows tell of."""
    found = set()
    for table in (DELIVERIES, TASKS):
        async for _, text in cache.redis.hscan_iter(cache.key(table), count=_SCAN):
            found.add(str(msgspec.json.decode(text)["lead"]))
    return found
