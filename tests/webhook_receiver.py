"""A receiver of webhooks for tests: a real HTTP server that verifies every signature as receivers do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from standardwebhooks import Webhook as Verifier
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy.ports import free_ports


@dataclass
class Receiver:
    """Answers what `answers` says, in turn, then 204; keeps what it verified."""

    secret: str
    port: int = field(default_factory=lambda: free_ports(1)[0])
    answers: list[Response] = field(default_factory=list)
    always: int = 204
    taken: list[dict[str, Any]] = field(default_factory=list)
    """Bodies answered with 2xx, in order."""
    attempts: list[str] = field(default_factory=list)
    """The `webhook-id` of every request, in order."""
    hold: asyncio.Event | None = None
    """Requests are not answered before this is set."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def receive(self, request: Request) -> Response:
        body = await request.body()
        told = Verifier(self.secret).verify(body, dict(request.headers))
        self.attempts.append(request.headers["webhook-id"])
        if self.hold is not None:
            await self.hold.wait()
        answer = self.answers.pop(0) if self.answers else Response(status_code=self.always)
        if answer.status_code < 300:
            self.taken.append(told)
        return answer


@asynccontextmanager
async def receiving(receiver: Receiver) -> AsyncIterator[Receiver]:
    """The receiver listens until the end of the block."""
    app = Starlette(routes=[Route("/hook", receiver.receive, methods=["POST"])])
    server = uvicorn.Server(
        uvicorn.Config(app, port=receiver.port, log_config=None, timeout_graceful_shutdown=1)
    )
    serving = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(30):
            while not server.started:
                assert not serving.done()
                await asyncio.sleep(0.01)
        yield receiver
    finally:
        server.should_exit = True
        await serving
