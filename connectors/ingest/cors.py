"""Lets pages of other origins send events: CORS headers on every answer of an ingest path."""

from collections.abc import Callable
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connectors.ingest.source import Source

_METHODS: Final = "GET, POST, OPTIONS"
_MAX_AGE_S: Final = "7200"  # as long as Chromium keeps a preflight's answer


SOURCE: Final = "leadheat.source"
"""Where a request's scope says whose key it showed, once that is known."""


class IngestCors:
    """Answers preflights itself and adds to other answers the origin that asked.

    The origin is echoed, never `*`: trackers send cookies, and browsers then take nothing else. A preflight
    shows no key: it is let through where any source would; the request itself only where its own one does.
    """

    def __init__(
        self,
        app: ASGIApp,
        allows: Callable[[str, Source | None], bool],
        is_ingest: Callable[[str], bool],
    ) -> None:
        self._app = app
        self._allows = allows
        self._is_ingest = is_ingest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes everything through but preflights."""
        if scope["type"] != "http" or not self._is_ingest(scope["path"]):
            await self._app(scope, receive, send)
            return
        if scope["method"] == "OPTIONS":
            asked = Headers(scope=scope)
            headers = {**self._headers(asked.get("origin"), None), **_preflight(asked)}
            await Response(status_code=204, headers=headers)(scope, receive, send)
            return
        origin = next(
            (value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"), None
        )

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                for name, value in self._headers(origin, scope.get(SOURCE)).items():
                    headers[name] = value
            await send(message)

        await self._app(scope, receive, with_headers)

    def _headers(self, origin: str | None, source: Source | None) -> dict[str, str]:
        if origin is None or not self._allows(origin, source):
            return {"Vary": "Origin"}
        return {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Credentials": "true",
            "Vary": "Origin",
        }


def _preflight(asked: Headers) -> dict[str, str]:
    answer = {
        "Allow": _METHODS,
        "Access-Control-Allow-Methods": _METHODS,
        "Access-Control-Max-Age": _MAX_AGE_S,
    }
    if wanted := asked.get("access-control-request-headers"):
        answer["Access-Control-Allow-Headers"] = wanted
    if sender := asked.get("webhook-request-origin"):  # as CloudEvents' web hooks ask before they send
        answer["WebHook-Allowed-Origin"] = sender
    return answer
