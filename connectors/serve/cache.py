"""The cache in redis: the names of its keys, and whether what it holds may be shown."""

import contextlib
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError, WatchError

from connectors.serve.errors import DisplacedError, rebuilding

LAYOUT: Final = "2"
"""Changes with what the keys hold: a cache of another layout is built anew."""
LEASE_MS: Final = 10_000
"""How long a process that fills the cache may be silent before another takes over; a batch takes far less."""


class Cache:
    """A redis database, or the part of it whose keys begin with a prefix.

    One process at a time fills it. It holds `lease`, and `head` counts its batches: a transaction that finds
    either changed does not happen. Offsets are written together with what was read up to them, so a redis
    that was emptied has lost its offsets too.
    """

    def __init__(self, url: str, prefix: str) -> None:
        # Any: redis-py types each answer as bytes or str, now or awaited; here it is always str, awaited
        self.redis: Any = Redis.from_url(
            url,
            decode_responses=True,
            encoding_errors="surrogatepass",
            socket_connect_timeout=3,
            socket_timeout=10,
        )
        self._prefix = f"{prefix}:"
        self.token = uuid.uuid4().hex

    def key(self, *parts: str) -> str:
        """The full name of a key."""
        return self._prefix + ":".join(parts)

    async def close(self) -> None:
        """Hangs up."""
        await self.redis.aclose()

    async def built(self, digest: str) -> str | None:
        """Which build of the cache is complete and ranked by a grid; None: none is."""
        generation, ranked = await (
            self.redis.pipeline(transaction=False).get(self.key("built")).get(self.key("ranked")).execute()
        )
        return str(generation) if generation and ranked == digest else None

    @asynccontextmanager
    async def steady(self, digest: str) -> AsyncIterator[None]:
        """What is read inside comes from one complete build, or Refusal 503 is raised."""
        before = await self.built(digest)
        if before is None:
            raise rebuilding("the cache is being rebuilt from the topics: ask again shortly")
        try:
            yield
        finally:
            if await self.built(digest) != before:
                raise rebuilding("the cache was emptied while it was read: it is being rebuilt")

    async def acquire(self) -> bool:
        """Takes the right to fill the cache, if nobody else holds it."""
        lease = self.key("lease")
        if await self.redis.set(lease, self.token, nx=True, px=LEASE_MS):
            return True
        return bool(await self.redis.get(lease) == self.token)

    async def release(self) -> None:
        """Gives the right to fill the cache back."""
        lease = self.key("lease")
        with contextlib.suppress(RedisError, OSError):  # where redis is away, the right ends by itself
            if await self.redis.get(lease) == self.token:
                await self.redis.delete(lease)

    @asynccontextmanager
    async def guarded(self, head: int) -> AsyncIterator[Any]:
        """A transaction that happens only if this process still fills the cache, at batch `head`.

        Raises DisplacedError where it doesn't.
        """
        lease, counter = self.key("lease"), self.key("head")
        async with self.redis.pipeline(transaction=True) as pipe:
            await pipe.watch(lease, counter)
            holder, at = await pipe.mget(lease, counter)
            if holder != self.token or at != str(head):
                raise DisplacedError("the cache was emptied, or another process fills it")
            pipe.multi()
            yield pipe
            pipe.set(lease, self.token, px=LEASE_MS)
            try:
                await pipe.execute()
            except WatchError:
                raise DisplacedError("the cache changed hands during a transaction") from None

    async def resume(self) -> tuple[int, dict[str, int]] | None:
        """The last batch and the offsets read up to then; None where the cache must be built anew."""
        layout, head, offsets = await (
            self.redis.pipeline(transaction=True)
            .get(self.key("layout"))
            .get(self.key("head"))
            .hgetall(self.key("offsets"))
            .execute()
        )
        if layout != LAYOUT or head is None:
            return None
        return int(head), {name: int(offset) for name, offset in offsets.items()}

    async def begin(self, digest: str) -> int:
        """Empties the cache and opens a new build, ranked by a grid; returns its first batch number."""
        lease = self.key("lease")
        batch: list[str] = []
        async for name in self.redis.scan_iter(match=self._prefix + "*", count=1_000):
            if name != lease:
                batch.append(name)
            if len(batch) >= 1_000:
                await self.redis.unlink(*batch)
                batch.clear()
        if batch:
            await self.redis.unlink(*batch)
        await (
            self.redis.pipeline(transaction=True)
            .set(self.key("layout"), LAYOUT)
            .set(self.key("head"), "0")
            .set(self.key("ranked"), digest)
            .execute()
        )
        return 0
