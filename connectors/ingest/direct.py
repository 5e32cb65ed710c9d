"""Takes requests to fixed paths straight to their endpoints, past Starlette's search for them."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from connectors.ingest.errors import RefusedError

_Endpoint = Callable[[Request], Awaitable[Response]]
_LEFT: Final = frozenset({"HEAD", "OPTIONS"})
"""Methods that Starlette knows what to do with."""


class Direct:
    """The innermost middleware; what it has no fixed path and method for goes on to the application."""

    def __init__(
        self, app: ASGIApp, routes: Sequence[Route], refuse: Callable[[RefusedError], Response]
    ) -> None:
        self._app = app
        self._refuse = refuse
        self._endpoints: dict[tuple[str, str], _Endpoint] = {}
        for route in routes:
            if "{" not in route.path:
                for method in (route.methods or set()) - _LEFT:
                    self._endpoints.setdefault((method, route.path), route.endpoint)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, or passes on."""
        endpoint = None
        if scope["type"] == "http" and not scope.get("root_path"):
            endpoint = self._endpoints.get((scope["method"], scope["path"]))
        if endpoint is None:
            await self._app(scope, receive, send)
            return
        try:
            response = await endpoint(Request(scope, receive))
        except RefusedError as refusal:
            response = self._refuse(refusal)
        await response(scope, receive, send)
