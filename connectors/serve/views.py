"""A lead as it is shown: its record at the moment of asking, with what the cache knows beside it."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from connectors.serve.desk import Desk
from scorer.account_name import account_of
from scorer.times import Micros

Record = dict[str, Any]
ABRIDGED: Final = (
    "lead_id",
    "score",
    "scores",
    "tier",
    "since",
    "as_of",
    "next_tier",
    "fading",
    "pending",
    "traits",
)
"""What an alert shows of its lead; with `contributions`, from which it fades."""


async def resolve(desk: Desk, identity: str) -> str | None:
    """The lead that an identity belongs to now; of several, the one it was tied to last."""
    key = desk.cache.key
    known, claims, ties = await (
        desk.cache.redis.pipeline(transaction=False)
        .hexists(key("records"), identity)
        .smembers(key("claims", identity))
        .zrevrange(key("ties", identity), 0, -1)
        .execute()
    )
    if known:
        return identity
    if len(claims) < 2:
        return next(iter(claims), None)
    for tie in ties:
        lead = tie.split("|", 1)[1]
        if lead in claims:
            return str(lead)
        if heirs := claims & await desk.cache.redis.smembers(key("claims", lead)):
            return str(min(heirs))
    return str(min(claims))


async def records_of(desk: Desk, leads: Sequence[str]) -> dict[str, Record]:
    """The topic's records of some leads; those without one are left out."""
    if not leads:
        return {}
    texts = await desk.cache.redis.hmget(desk.cache.key("records"), list(leads))
    return {
        lead: _with_identities(lead, msgspec.json.decode(text))
        for lead, text in zip(leads, texts, strict=True)
        if text
    }


def _with_identities(lead: str, record: Record) -> Record:
    identities = record.get("identities") or []
    record["lead_id"] = lead
    record["identities"] = identities if lead in identities else [lead, *identities]
    return record


async def views_of(desk: Desk, records: Sequence[Record], now: Micros) -> list[Record]:
    """Leads at a moment, with last event, channel, owner and answer."""
    pipe = desk.cache.redis.pipeline(transaction=False)
    for record in records:
        pipe.hmget(desk.cache.key("last"), record["identities"])
        for identity in record["identities"]:
            pipe.hvals(desk.cache.key("answered", identity))
    told = iter(await pipe.execute() if records else [])
    found = []
    for record in records:
        view = desk.scoring.read(record, now)
        view["account"] = account_of(record["traits"])
        view |= _last(next(told))
        view |= _said([text for _ in record["identities"] for text in next(told)])
        found.append(view)
    return found


def _last(texts: Sequence[str | None]) -> Record:
    entries = [msgspec.json.decode(text) for text in texts if text]
    event: Record = max((one for one in entries if "event" in one), key=lambda one: one["order"], default={})
    channel: Record = max(
        (one for one in entries if "channel" in one), key=lambda one: one["channel_order"], default={}
    )
    return {"last_event": event.get("event"), "channel": channel.get("channel")}


def _said(texts: Sequence[str]) -> Record:
    """Last answer, and who accepted last, of a lead."""
    standing = standing_answers(texts)
    accepted = [one for one in standing if one["answer"] == "accepted"]
    return {
        "answer": shown_answer(standing[-1]) | {"alert_id": standing[-1]["alert_id"]} if standing else None,
        "owner": accepted[-1]["by"] if accepted else None,
    }


def standing_answers(texts: Sequence[str]) -> list[Record]:
    """The last answer to each alert, unless it was withdrawn; oldest first."""
    given = sorted((msgspec.json.decode(text) for text in texts), key=lambda one: (one["moment"], one["id"]))
    last = {one["alert_id"]: one for one in given}
    found = [one for one in last.values() if one["answer"] != "withdrawn"]
    return sorted(found, key=lambda one: (one["moment"], one["id"]))


def shown_answer(answer: Record) -> Record:
    """An answer as it is shown."""
    return {name: answer[name] for name in ("answer", "by", "note", "at")}
