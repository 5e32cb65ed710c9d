"""Receivers of messages for Slack and Teams: a real HTTP server, as strict as their documentation."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from deploy.ports import free_ports


@dataclass
class Chats:
    """Both chats' webhooks, as strict as their documentation: what is against it is refused."""

    port: int = field(default_factory=lambda: free_ports(1)[0])
    slack: list[dict[str, Any]] = field(default_factory=list)
    teams: list[dict[str, Any]] = field(default_factory=list)
    answers: list[Response] = field(default_factory=list)

    async def take_slack(self, request: Request) -> Response:
        """https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks"""
        if self.answers:
            return self.answers.pop(0)
        told = json.loads(await request.body())
        if not request.headers["content-type"].startswith("application/json") or not told.get("text"):
            return PlainTextResponse("invalid_payload", 400)
        for block in told["blocks"]:
            texts = [block["text"]] if "text" in block else []
            most = 150 if block["type"] == "header" else 3_000
            if len(told["blocks"]) > 50 or any(not 1 <= len(one["text"]) <= most for one in texts):
                return PlainTextResponse("invalid_blocks", 400)
            if len(block.get("fields", [])) > 10 or any(
                len(one["text"]) > 2_000 for one in block.get("fields", [])
            ):
                return PlainTextResponse("invalid_blocks", 400)
        self.slack.append(told)
        return PlainTextResponse("ok")

    async def take_teams(self, request: Request) -> Response:
        """https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook"""
        body = await request.body()
        told = json.loads(body)
        [attachment] = told["attachments"]
        kind, card = attachment["contentType"], attachment["content"]
        if len(body) > 28_000 or told["type"] != "message" or not kind.endswith("card.adaptive"):
            return PlainTextResponse("", 400)
        if (
            card["type"] != "AdaptiveCard"
            or card["version"] not in ("1.4", "1.5")
            or len(card["actions"]) > 6
        ):
            return PlainTextResponse("", 400)
        self.teams.append(card)
        return Response(status_code=202)

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/{name}"


@asynccontextmanager
async def chatting(chats: Chats | None = None) -> AsyncIterator[Chats]:
    """The chats listen until the end of the block."""
    chats = chats or Chats()
    app = Starlette(
        routes=[
            Route("/slack", chats.take_slack, methods=["POST"]),
            Route("/teams", chats.take_teams, methods=["POST"]),
        ]
    )
    server = uvicorn.Server(
        uvicorn.Config(app, port=chats.port, log_config=None, timeout_graceful_shutdown=1)
    )
    serving = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(30):
            while not server.started:
                await asyncio.sleep(0.01)
        yield chats
    finally:
        server.should_exit = True
        await serving
