"""Follows the newest facts in the cache, once a process, and hands them to every client of the stream."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from redis.exceptions import RedisError

from connectors.serve.alerts import alert_views
from connectors.serve.desk import Desk
from connectors.serve.live import LiveEntry, entry_of
from connectors.serve.metrics import DROPPED
from connectors.serve.status import state_of
from connectors.serve.views import views_of

_log: Final = logging.getLogger(__name__)
_CHUNK: Final = 500
_WAIT_MS: Final = 1_000
_PAUSE_S: Final = 0.5
_HELD: Final = 2_000
"""Facts that wait for a slow client; one that is further behind is dropped, and resumes where it was."""

Told = LiveEntry | dict[str, Any] | None
"""A fact, the cache's state where it changed, or that there will be no more."""


@dataclass(eq=False)
class Client:
    """What waits for one client."""

    waiting: asyncio.Queue[Told] = field(default_factory=lambda: asyncio.Queue(_HELD))
    dropped: bool = False

    def tell(self, told: Told) -> None:
        """Queues a fact; a client that doesn't keep up gets no more."""
        if self.dropped:
            return
        try:
            self.waiting.put_nowait(told)
        except asyncio.QueueFull:
            self.drop()
            DROPPED.inc()

    def drop(self) -> None:
        """Ends the client's stream; it may come back and resume."""
        self.dropped = True
        while not self.waiting.empty():
            self.waiting.get_nowait()
        self.waiting.put_nowait(None)


class Broadcast:
    """Reads the cache's newest facts as they come."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._clients: set[Client] = set()
        self._after = "0-0"
        self.state: dict[str, Any] = {"catching_up": None, "rebuilding": True}
        self.closed = False

    def join(self) -> Client:
        """A new client, which is told everything from now on."""
        client = Client()
        if self.closed:
            client.drop()
        self._clients.add(client)
        return client

    def leave(self, client: Client) -> None:
        """Forgets a client."""
        self._clients.discard(client)

    def close(self) -> None:
        """Ends every stream, so that a server that is told to stop need not wait for them."""
        self.closed = True
        for client in self._clients:
            client.drop()

    async def run(self) -> None:
        """Follows until cancelled."""
        started, away = False, False
        while True:
            try:
                if not started:
                    self._after, started = await self._newest(), True
                await self._turn()
                away = False
            except (RedisError, OSError, TimeoutError) as error:
                if not away:
                    _log.warning("the cache does not answer the event stream: %s", type(error).__name__)
                away = True
                self._tell_state({"catching_up": None, "rebuilding": True})
                await asyncio.sleep(_PAUSE_S)

    async def _turn(self) -> None:
        name = self._desk.cache.key("live")
        found = await self._desk.cache.redis.xread({name: self._after}, count=_CHUNK, block=_WAIT_MS)
        entries = found.get(name, [[]])[0] if isinstance(found, dict) else found[0][1] if found else []
        if entries:
            self._after = entries[-1][0]
        elif _order(await self._newest()) < _order(self._after):
            self._after = "0-0"  # another redis, or an emptied one whose clock is behind
        facts = [entry_of(fields) for _, fields in entries]
        for lead in (fact.data["lead_id"] for fact in facts if fact.kind == "removed"):
            for forget in self._desk.on_removed:
                forget(lead)
        if facts and self._clients:
            for told in await told_of(self._desk, facts):
                for client in self._clients:
                    client.tell(told)
        self._tell_state(await state_of(self._desk))

    async def _newest(self) -> str:
        found = await self._desk.cache.redis.xrevrange(self._desk.cache.key("live"), count=1)
        return str(found[0][0]) if found else "0-0"

    def _tell_state(self, state: dict[str, Any]) -> None:
        if state != self.state:
            self.state = state
            for client in self._clients:
                client.tell(state)


def _order(entry_id: str) -> tuple[int, int]:
    milliseconds, _, number = entry_id.partition("-")
    return int(milliseconds), int(number)


async def told_of(desk: Desk, entries: Sequence[LiveEntry]) -> list[LiveEntry]:
    """Facts as clients are told them: leads and alerts with what the lists show beside them."""
    scores = [entry.data for entry in entries if entry.kind == "score"]
    alerts = [entry.data for entry in entries if entry.kind == "alert"]
    leads = iter(await views_of(desk, scores, desk.now()))
    shown = iter(await alert_views(desk, alerts))
    return [
        LiveEntry(entry.kind, entry.place, entry.offset, next(leads))
        if entry.kind == "score"
        else LiveEntry(entry.kind, entry.place, entry.offset, next(shown))
        if entry.kind == "alert"
        else entry
        for entry in entries
    ]
