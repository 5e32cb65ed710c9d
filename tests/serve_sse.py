"""A client of the event stream, for tests: events as they come, and the id to resume from."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

_PATIENCE_S: Final = 30.0


@dataclass
class Told:
    """One server-sent event."""

    kind: str
    data: Any
    id: str | None


@dataclass
class Follower:
    """A client that reads along; `last_id` is what a browser would send on coming back."""

    lines: AsyncIterator[str]
    last_id: str | None = None
    comments: int = 0
    seen: list[Told] = field(default_factory=list)
    held: list[Told] = field(default_factory=list)

    async def next(self) -> Told:
        """The next event."""
        kind, data, found = "", "", False
        async with asyncio.timeout(_PATIENCE_S):
            async for line in self.lines:
                name, _, value = line.partition(": ")
                if name == "event":
                    kind, found = value, True
                elif name == "data":
                    data = value
                elif name == "id":
                    self.last_id = value
                elif line.startswith(":"):
                    self.comments += 1
                elif not line and found:
                    told = Told(kind, json.loads(data), self.last_id)
                    self.seen.append(told)
                    return told
        raise EOFError("the stream ended")

    async def until(self, kind: str, count: int = 1) -> list[Told]:
        """The next so many events of a kind; others are held back for whoever asks for them."""
        found = [told for told in self.held if told.kind == kind][:count]
        self.held = [told for told in self.held if told not in found]
        while len(found) < count:
            told = await self.next()
            (found if told.kind == kind else self.held).append(told)
        return found


@asynccontextmanager
async def following(client: httpx.AsyncClient, last_id: str | None = None) -> AsyncIterator[Follower]:
    """An open stream."""
    headers = {} if last_id is None else {"Last-Event-ID": last_id}
    async with client.stream("GET", "/v1/stream", headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Follower(answer.aiter_lines(), last_id)
