"""What the read cache holds of a person."""

import asyncio
import time
from collections.abc import Iterable
from typing import Any, Final

import msgspec
import redis.asyncio

from deploy.privacy.words import Marks, texts

_LOOK_AGAIN_S: Final = 0.3
_SCAN: Final = 1_000
_BY_ID: Final = ("events", "ties", "claims", "answered")
_TABLES: Final = ("records", "last", "index")


class Cached:
    """The cache in redis, read as `serve` lays it out."""

    def __init__(self, url: str, prefix: str) -> None:
        self._redis: Any = redis.asyncio.Redis.from_url(url, decode_responses=True, socket_timeout=10)
        self._prefix = f"{prefix}:"

    async def close(self) -> None:
        """Hangs up."""
        await self._redis.aclose()

    async def offsets(self) -> dict[str, int]:
        """Up to where the cache has read each partition, as `topic:partition`."""
        found = await self._redis.hgetall(f"{self._prefix}offsets")
        return {name: int(offset) for name, offset in found.items()}

    async def holds(self, ids: Iterable[str]) -> bool:
        """Whether it holds anything under one of these ids."""
        pipe = self._redis.pipeline(transaction=False)
        for one in ids:
            pipe.exists(*(f"{self._prefix}{kind}:{one}" for kind in _BY_ID))
            for table in _TABLES:
                pipe.hexists(f"{self._prefix}{table}", one)
        return any(await pipe.execute())

    async def empty_of(self, ids: set[str], deadline: float) -> bool:
        """Waits until it holds nothing of them; whether that came in time."""
        while await self.holds(ids):
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(_LOOK_AGAIN_S)
        return True

    async def alerts_of(self, ids: set[str]) -> list[dict[str, Any]]:
        """The alerts of a person, each with what was answered and what could not be delivered."""
        found = []
        async for alert, text in self._redis.hscan_iter(f"{self._prefix}alerts", count=_SCAN):
            record = msgspec.json.decode(text, type=dict[str, Any])
            if record.get("lead_id") in ids:
                answers = await self._redis.hvals(f"{self._prefix}answers:{alert}")
                found.append({**record, "answers": [msgspec.json.decode(one) for one in answers]})
        return sorted(found, key=lambda one: str(one.get("at")))

    async def search(self, marks: Marks) -> list[str]:
        """The keys that name somebody, or hold what does."""
        found = []
        async for name in self._redis.scan_iter(match=f"{self._prefix}*", count=_SCAN):
            bare = name.removeprefix(self._prefix)
            parts = (bare, *bare.split(":"), bare.partition(":")[2])
            if any(map(marks.named, parts)) or await self._within(name, marks):
                found.append(bare.partition(":")[0])
        return found

    async def _within(self, name: str, marks: Marks) -> bool:
        kind = await self._redis.type(name)
        async for held in _members(self._redis, name, kind):
            # Members are put together of parts: `2026…|place` over an event, `word<NUL>lead`, `time|lead`.
            parts = (held, *held.replace("\x00", "\n").replace("|", "\n").split("\n"))
            if any(marks.named(text) for part in parts for text in texts(part)):
                return True
        return False


async def _members(store: Any, name: str, kind: str) -> Any:
    if kind == "string":
        yield await store.get(name) or ""
    elif kind == "hash":
        async for entry in store.hscan_iter(name, count=_SCAN):
            for part in entry:
                yield part
    elif kind == "zset":
        async for member, _ in store.zscan_iter(name, count=_SCAN):
            yield member
    elif kind == "set":
        async for member in store.sscan_iter(name, count=_SCAN):
            yield member
    elif kind == "stream":
        after = "-"
        while found := await store.xrange(name, min=after, count=_SCAN):
            for _, fields in found:
                for value in fields.values():
                    yield value
            after = f"({found[-1][0]}"
