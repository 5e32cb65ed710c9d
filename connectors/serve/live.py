"""The newest facts in the cache, in order, for clients that follow along and those that come back."""

from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import msgspec

from connectors.serve.cache import Cache
from connectors.serve.facts import AccountFact, AlertFact, EventFact, Fact, Incoming, ScoreFact
from connectors.serve.position import Position

_CHUNK: Final = 500


class LiveEntry(msgspec.Struct, frozen=True, gc=False):
    """A fact that is told, with the place of its record."""

    kind: str
    place: str
    offset: int
    data: Any


def append(cache: Cache, pipe: Any, record: Incoming, fact: Fact | None, floors: dict[str, int]) -> None:
    """Adds a fact, if it is one that is told and not older than what is kept."""
    place = f"{record.topic}:{record.partition}"
    again = record.origin is not None and not floors  # a copy tells nothing new but to a cache built anew
    if not again and (told := _told(fact)) and record.offset >= floors.get(place, 0):
        kind, data = told
        pipe.xadd(cache.key("live"), {"k": kind, "p": place, "o": record.offset, "d": data})


def _told(fact: Fact | None) -> tuple[str, str] | None:
    if isinstance(fact, ScoreFact):
        if fact.record is None:
            return "removed", msgspec.json.encode({"lead_id": fact.lead}).decode()
        return "score", fact.text
    if isinstance(fact, AlertFact):
        return "alert", fact.text
    if isinstance(fact, AccountFact):
        record = fact.record or {"account": fact.account, "count": 0}
        return "account", msgspec.json.encode(record).decode()
    if isinstance(fact, EventFact) and fact.answer:
        shown = {name: value for name, value in fact.answer.items() if name not in ("id", "moment")}
        return "answer", msgspec.json.encode({**shown, "lead_id": fact.key}).decode()
    return None


def entry_of(fields: dict[str, str]) -> LiveEntry:
    """An entry as redis gives it."""
    return LiveEntry(fields["k"], fields["p"], int(fields["o"]), msgspec.json.decode(fields["d"]))


async def trimming(cache: Cache, kept: int) -> Callable[[Any], None]:
    """What keeps the entries few: drops the oldest, and notes from where on each partition is complete."""
    name = cache.key("live")
    over = await cache.redis.xlen(name) - kept
    if over <= kept // 4:
        return lambda pipe: None
    floors: dict[str, int] = {}
    for _, fields in await cache.redis.xrange(name, count=over):
        floors[fields["p"]] = int(fields["o"]) + 1

    def trim(pipe: Any) -> None:
        pipe.xtrim(name, maxlen=kept, approximate=False)
        pipe.hset(cache.key("floors"), mapping=floors)

    return trim


async def position_of(cache: Cache) -> Position:
    """How far the cache has read."""
    offsets = await cache.redis.hgetall(cache.key("offsets"))
    return Position({name: int(offset) for name, offset in offsets.items()})


async def misses(cache: Cache, position: Position) -> bool:
    """Whether a client at this position has missed what is no longer kept."""
    floors = await cache.redis.hgetall(cache.key("floors"))
    return position.misses({name: int(floor) for name, floor in floors.items()})


async def beyond(cache: Cache, position: Position) -> bool:
    """Whether a client at this position has read on from topics that are no more; asked of a whole cache."""
    return position.beyond((await position_of(cache)).offsets)


async def backlog(cache: Cache) -> AsyncIterator[list[LiveEntry]]:
    """Everything kept, oldest first, some at a time."""
    after = "-"
    while found := await cache.redis.xrange(cache.key("live"), min=after, count=_CHUNK):
        yield [entry_of(fields) for _, fields in found]
        after = f"({found[-1][0]}"
