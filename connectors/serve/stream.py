"""`/v1/stream`: facts as they come, as server-sent events that a client can resume from."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connectors.serve import live
from connectors.serve.broadcast import Broadcast, Client, told_of
from connectors.serve.desk import Desk
from connectors.serve.errors import Refusal
from connectors.serve.live import LiveEntry
from connectors.serve.metrics import STREAMS
from connectors.serve.position import Position
from connectors.serve.sse import HEADERS, Stream
from connectors.serve.status import clock_of, state_of

_HEARTBEAT_S: Final = 15.0
"""Proxies give up on a silence of 30 to 60 seconds."""
_LOOK_AGAIN_S: Final = 1.0


class EventStream:
    """The event stream of one app."""

    def __init__(self, desk: Desk, broadcast: Broadcast) -> None:
        self._desk = desk
        self._broadcast = broadcast

    def routes(self) -> list[Route]:
        """The stream."""
        return [Route("/v1/stream", self.stream, methods=["GET"])]

    async def stream(self, request: Request) -> Response:
        """Opens a stream, after `Last-Event-ID` if that is given."""
        last = request.headers.get("last-event-id") or request.query_params.get("last_event_id")
        try:
            position = Position.load(last) if last else None
        except ValueError as error:
            raise Refusal(400, str(error)) from error
        if request.method == "HEAD":  # its answer ends with the headers: a stream would hold the connection
            return Response(media_type="text/event-stream", headers=HEADERS)
        return Stream(self._events(position), media_type="text/event-stream", headers=HEADERS)

    async def _events(self, position: Position | None) -> AsyncIterator[bytes]:
        client = self._broadcast.join()
        STREAMS.inc()
        try:
            async for chunk in self._told(client, position):
                yield chunk
        finally:
            STREAMS.dec()
            self._broadcast.leave(client)

    async def _told(self, client: Client, position: Position | None) -> AsyncIterator[bytes]:
        cache = self._desk.cache
        state = await state_of(self._desk)
        reset = position is not None and (
            await live.misses(cache, position) or await self._beyond(position, state)
        )
        resumed = position if not reset else None
        position = resumed or await self._present(state)
        yield _event("hello", clock_of(self._desk) | {"reset": reset}, position)
        yield _event("state", state, None)
        if resumed is not None:
            async for entries in live.backlog(cache):
                missed = [one for one in entries if not resumed.has(one.place, one.offset)]
                for told in await told_of(self._desk, missed):
                    resumed.pass_by(told.place, told.offset)
                    yield _event(told.kind, told.data, resumed)
        while (waited := await _next(client, _HEARTBEAT_S if position else _LOOK_AGAIN_S)) is not _END:
            if waited is _SILENCE:
                yield b":\n\n"
            elif not isinstance(waited, LiveEntry):
                if waited != state:
                    state = waited
                    yield _event("state", state, None)
                    if position is not None and await self._beyond(position, state):
                        position = await self._present(state)
                        yield _event("hello", clock_of(self._desk) | {"reset": True}, position)
            elif position is not None and not position.has(waited.place, waited.offset):
                position.pass_by(waited.place, waited.offset)
                yield _event(waited.kind, waited.data, position)
            if position is None:
                position = await self._present(await state_of(self._desk))

    async def _beyond(self, position: Position, state: dict[str, Any]) -> bool:
        """Whether nothing would be told for long: not known while the cache is being rebuilt."""
        return not state["rebuilding"] and await live.beyond(self._desk.cache, position)

    async def _present(self, state: dict[str, Any]) -> Position | None:
        """From where on facts are news; not known while the cache is being rebuilt."""
        return None if state["rebuilding"] else await live.position_of(self._desk.cache)


_END: Final = object()
_SILENCE: Final = object()


async def _next(client: Client, within_s: float) -> Any:
    try:
        async with asyncio.timeout(within_s):
            told = await client.waiting.get()
    except TimeoutError:
        return _SILENCE
    return _END if told is None else told


def _event(kind: str, data: Any, position: Position | None) -> bytes:
    identified = b"" if position is None else b"id: " + position.dump().encode() + b"\n"
    return b"event: " + kind.encode() + b"\n" + identified + b"data: " + msgspec.json.encode(data) + b"\n\n"
