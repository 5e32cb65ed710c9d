"""Gateway, read API and board as one application on one port, as `leadheat up` serves them."""

import contextlib
import json
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import prometheus_client
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Match, Mount, Route
from starlette.types import Receive, Scope, Send

from deploy import http, logs, roles, settings
from deploy.errors import telling


class Combined:
    """Hands each request to the application that has a route for it; the first one wins a tie."""

    def __init__(self, applications: Sequence[Starlette]) -> None:
        self._applications = applications
        self._states: dict[Starlette, Mapping[str, Any]] = {}
        self._shared = Starlette(
            routes=[
                Route("/healthz", _healthy),
                Route("/readyz", self._ready),
                Route("/metrics", _metrics),
                Route("/openapi.json", self._description),
            ],
            lifespan=lambda _: self.lifespan(),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry point."""
        chosen = self._chosen(scope)
        if chosen in self._states:
            scope["state"] = dict(self._states[chosen])
        await chosen(scope, receive, send)

    def _chosen(self, scope: Scope) -> Starlette:
        if scope["type"] == "lifespan" or _match(self._shared.routes, scope) > Match.NONE.value:
            return self._shared
        return max(self._applications, key=lambda one: _match(one.routes, scope))

    def end_streams(self) -> None:
        """Ends streams that stay open for as long as their readers like."""
        for one in self._applications:
            end = getattr(one.state, "end_streams", None)
            if end is not None:
                end()

    @contextlib.asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Runs the lifespans of both applications."""
        async with contextlib.AsyncExitStack() as entered:
            for one in self._applications:
                state = await entered.enter_async_context(one.router.lifespan_context(one))
                self._states[one] = state or {}
            yield

    async def _ready(self, request: Request) -> Response:
        answers = [await _ask(one, request) for one in self._applications]
        unready = [answer for answer in answers if answer.status_code != 200]
        return unready[0] if unready else answers[0]

    async def _description(self, request: Request) -> Response:
        merged: dict[str, Any] = {}
        for one in self._applications:
            _merge(merged, json.loads(bytes((await _ask(one, request)).body)))
        return JSONResponse(merged)


def create_app(loaded: settings.Settings) -> Combined:
    """Builds both applications from the settings."""
    from connectors.ingest.gateway import create_app as gateway
    from connectors.serve.app import create_app as serve

    return Combined([gateway(roles.gateway(loaded)), serve(roles.serve(loaded))])


def _match(routes: Sequence[BaseRoute], scope: Scope) -> float:
    """How well a request fits: path and method; the path alone; only a folder of files at the root."""
    best = 0.0
    for route in routes:
        match, _ = route.matches(scope)
        catches_all = isinstance(route, Mount) and not route.path
        rank = {Match.NONE: 0.0, Match.PARTIAL: 1.0, Match.FULL: 0.5 if catches_all else 2.0}[match]
        best = max(best, rank)
    return best


async def _ask(application: Starlette, request: Request) -> Response:
    """The answer of one application to a request, as a whole."""
    messages: list[Any] = []

    async def collect(message: Any) -> None:
        messages.append(message)

    await application({**request.scope, "app": application}, request.receive, collect)
    body = b"".join(one.get("body", b"") for one in messages[1:])
    answer = Response(body, status_code=messages[0]["status"])
    answer.raw_headers = messages[0]["headers"]
    return answer


def _merge(into: dict[str, Any], more: dict[str, Any]) -> None:
    for name, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            _merge(into[name], value)
        else:
            into.setdefault(name, value)


async def _healthy(_: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _metrics(_: Request) -> Response:
    registry = prometheus_client.REGISTRY
    if settings.metrics_folder() is not None:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return Response(
        prometheus_client.generate_latest(registry), media_type=prometheus_client.CONTENT_TYPE_LATEST
    )


def main() -> int:
    """Runs the combined application in a process of its own."""
    loaded = settings.load()
    logs.configure(loaded)
    app = create_app(loaded)
    return http.serve(app, loaded, app.end_streams)


if __name__ == "__main__":
    sys.exit(telling(main))
