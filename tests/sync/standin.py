"""What the stand-ins for CRMs share: a real HTTP server, a fast clock, limits, the calls as recorded."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from deploy.ports import free_ports
from scorer.times import SECOND, Micros

START = Micros(1_790_000_000_000_000)


@dataclass
class FastClock:
    """Goes `speed` times as fast as the wall's, and can be put forward."""

    speed: float = 400.0
    ahead: int = 0
    _began: float = field(default_factory=time.monotonic)

    def __call__(self) -> Micros:
        return Micros(START + self.ahead + int((time.monotonic() - self._began) * self.speed * SECOND))

    def advance(self, seconds: float) -> None:
        self.ahead += int(seconds * SECOND)


@dataclass(frozen=True)
class Call:
    """A request as it came, and how it was answered."""

    method: str
    path: str
    status: int
    said: str = ""


@dataclass
class Window:
    """So many requests in a sliding window; None when one more may pass, else the seconds until it may."""

    calls: int
    within_s: float
    clock: Callable[[], Micros]
    _past: deque[int] = field(default_factory=deque)

    def refuse(self) -> float | None:
        now = self.clock()
        while self._past and self._past[0] <= now - self.within_s * SECOND:
            self._past.popleft()
        if len(self._past) >= self.calls:
            return (self._past[0] + self.within_s * SECOND - now) / SECOND
        self._past.append(now)
        return None


class StandIn:
    """A CRM that is none: subclasses answer as the vendor's documentation says."""

    def __init__(self, clock: Callable[[], Micros]) -> None:
        self.clock = clock
        self.scheme = "http"
        self.port = free_ports(1)[0]
        self.calls: list[Call] = []
        self.created: list[str] = []
        """People's records that came into being by a call: by accident, all of them."""
        self.foreign: Counter[str] = Counter()
        """Fields of people's that a call wrote to."""

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def app(self) -> Starlette:
        raise NotImplementedError

    def note(self, request: Request, response: Response, said: str = "") -> Response:
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        self.calls.append(Call(request.method, path, response.status_code, said))
        return response

    def count(self, status: int) -> int:
        """How many calls were answered so."""
        return sum(call.status == status for call in self.calls)

    def throttled(self) -> int:
        """How many calls were too fast; vendors say so in ways of their own."""
        return self.count(429)


@asynccontextmanager
async def serving(
    app: ASGIApp, port: int, certificate: Path | None = None, key: Path | None = None
) -> AsyncIterator[None]:
    """An app listens until the end of the block."""
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            port=port,
            log_config=None,
            timeout_graceful_shutdown=1,
            lifespan="off",
            ssl_certfile=certificate,
            ssl_keyfile=key,
        )
    )
    running = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(30):
            while not server.started:
                assert not running.done()
                await asyncio.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        await running
