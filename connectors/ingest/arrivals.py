"""Tells whoever installs a tracker what arrives: some requests, masked, on a topic that soon forgets.

Best effort, and beside the way of a request: it is noted while it is answered, and told after that. Of many
a few are told, of each path and of what is refused there some of their own.
"""

import logging
import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connectors.ingest.masking import HIDDEN, Masking
from connectors.ingest.producer import Outgoing
from connectors.observe import place_of
from scorer.times import Micros, format_time
from scorer.topics import ARRIVALS

_log: Final = logging.getLogger(__name__)
_SHOWN: Final = frozenset(
    ("content-type", "content-encoding", "content-length", "user-agent", "origin", "accept", "host")
)
"""Headers whose values name nobody; of others the name is told."""
_MOST_HEADERS: Final = 40
_MOST_BODY: Final = 3_000
_MOST_EVENTS: Final = 5
_MOST_PATHS: Final = 500
_BURST: Final = 20.0
_A_SECOND: Final = 0.5
_BURST_OF_ALL: Final = 40.0
_A_SECOND_OF_ALL: Final = 2.0


@dataclass
class Noted:
    """What is known of a request while it is answered."""

    protocol: str | None = None
    keys: list[str] = field(default_factory=list)
    place: int | None = None
    """Of the key in the setting; None: it is of a source of the file, or of nobody."""
    source: str | None = None
    """What the sources file calls whose key it is."""
    body: bytes = b""
    events: Sequence[Outgoing] = ()
    rejected: Sequence[tuple[int, str]] = ()
    error: str | None = None


_noted: ContextVar[Noted | None] = ContextVar("arrival", default=None)


def noted() -> Noted:
    """The request that is being answered; where nobody wants to know, one that is forgotten at once."""
    return _noted.get() or Noted()


class Sampling:
    """Lets some through: of each kind a burst and then a few, and not too many of all together."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: dict[object, tuple[float, float]] = {}

    def takes(self, kind: object) -> bool:
        """Whether one more of a kind is told."""
        if len(self._buckets) > _MOST_PATHS:
            self._buckets.clear()
        return self._take(kind, _BURST, _A_SECOND) and self._take(None, _BURST_OF_ALL, _A_SECOND_OF_ALL)

    def _take(self, kind: object, burst: float, a_second: float) -> bool:
        now = self._clock()
        tokens, since = self._buckets.get(kind, (burst, now))
        tokens = min(burst, tokens + (now - since) * a_second)
        taken = tokens >= 1
        self._buckets[kind] = (tokens - taken, now)
        return taken


class Arrivals:
    """A middleware: notes each request to an ingest path, and offers some to the broker once answered."""

    def __init__(
        self,
        app: ASGIApp,
        offer: Callable[[Outgoing], None],
        route_of: Callable[[str], str | None],
        open_route_of: Callable[[str], str | None],
    ) -> None:
        """`route_of`: the template of an ingest path; `open_route_of`: of any other that is answered."""
        self._app = app
        self._offer = offer
        self._route_of = route_of
        self._open_route_of = open_route_of
        self._sampling = Sampling()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on."""
        if scope["type"] != "http" or scope["method"] == "OPTIONS":
            return await self._app(scope, receive, send)
        route = self._route_of(scope["path"])
        if route is None and (scope["method"] != "POST" or self._open_route_of(scope["path"]) is not None):
            return await self._app(scope, receive, send)
        at = Micros(time.time_ns() // 1_000)  # by the machine's clock: a demonstration's runs days ahead
        status, seen = 0, Noted()

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        token = _noted.set(seen)
        try:
            await self._app(scope, receive, noting)
        finally:
            _noted.reset(token)
            if status and self._sampling.takes((route, status >= 400 or bool(seen.rejected))):
                self._tell(scope, route, status, seen, at)
        return None

    def _tell(self, scope: Scope, route: str | None, status: int, seen: Noted, at: Micros) -> None:
        try:
            self._offer(Outgoing(ARRIVALS, None, _told(scope, route, status, seen, at), timestamp=at))
        except Exception as error:  # the boundary: what only shows a request must not fail one
            _log.warning("an arrival could not be shown: %s at %s", type(error).__name__, place_of(error))


def _told(scope: Scope, route: str | None, status: int, seen: Noted, at: Micros) -> bytes:
    headers = Headers(scope=scope)
    masking = Masking(seen.keys)
    shown = [
        (name, masking.text(value, 200) if name in _SHOWN else HIDDEN)
        for name, value in headers.items()[:_MOST_HEADERS]
    ]
    events = [masking.value(msgspec.json.decode(one.value)) for one in seen.events[:_MOST_EVENTS]]
    told: dict[str, Any] = {
        "at": format_time(at),
        "protocol": seen.protocol,
        "key": None if seen.place is None else seen.place + 1,
        "source": seen.source,
        "method": scope["method"],
        "path": route or masking.text(scope["path"], 80),
        "query": masking.pairs(scope["query_string"].decode("latin-1")),
        "headers": shown,
        "body": masking.body(seen.body, _MOST_BODY),
        "body_bytes": len(seen.body),
        "status": status,
        "error": None if seen.error is None else masking.text(seen.error),
        "events": events,
        "accepted": len(seen.events) if status < 400 else 0,
        "rejected": [
            {"index": index, "error": masking.text(error)} for index, error in seen.rejected[:_MOST_EVENTS]
        ],
        "refused": len(seen.rejected),
    }
    return msgspec.json.encode(told)
