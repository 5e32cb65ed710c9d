"""Lets pages of other origins send events: CORS headers on every answer of an ingest path."""

from collections.abc import Callable, Iterable
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_METHODS: Final = "GET, POST, OPTIONS"
_MAX_AGE_S: Final = "7200"  # as long as Chromium keeps a preflight's answer


class IngestCors:
    """Answers preflights itself and adds to other answers the origin that asked.

    The origin is echoed, never `*`: trackers send cookies, and browsers then take nothing else.
    """

    def __init__(self, app: ASGIApp, origins: Iterable[str], is_ingest: Callable[[str], bool]) -> None:
        self._app = app
        self._origins = frozenset(origins)
        self._is_ingest = is_ingest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes everything through but preflights."""
        if scope["type"] != "http" or not self._is_ingest(scope["path"]):
            await self._app(scope, receive, send)
            return
        asked = Headers(scope=scope)
        added = self._headers(asked)
        if scope["method"] == "OPTIONS":
            await Response(status_code=204, headers={**added, **_preflight(asked)})(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in added.items():
                    headers[name] = value
            await send(message)

        await self._app(scope, receive, with_headers)

    def _headers(self, asked: Headers) -> dict[str, str]:
        origin = asked.get("origin")
        if origin is None or not ("*" in self._origins or origin in self._origins):
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
