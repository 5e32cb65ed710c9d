"""Lets in who may read, and tells browsers to load nothing from elsewhere."""

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connectors.serve.sessions import ANOTHER_KIND, Sessions

POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_OPEN: Final = ("/v1/session",)
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class SecurityHeaders:
    """Puts the headers on every answer; what a person may not share is not stored by proxies either."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def heading(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                if scope["path"].startswith("/v1/"):
                    headers["Cache-Control"] = "no-store"
            await send(message)

        await self._app(scope, receive, heading)


class ReadersOnly:
    """Answers under /v1/ 401 to who shows no read key, 403 to a write key and to a site that uses
    somebody's cookie.
    """

    def __init__(self, app: ASGIApp, sessions: Sessions) -> None:
        self._app = app
        self._sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, if it may."""
        if scope["type"] != "http" or not scope["path"].startswith("/v1/"):
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        foreign = connection.headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
        if scope["method"] not in _SAFE and foreign and "authorization" not in connection.headers:
            answer = JSONResponse({"error": "sent by another site"}, 403)
        elif scope["path"] in _OPEN or self._sessions.admits(connection):
            await self._app(scope, receive, send)
            return
        elif self._sessions.of_another_kind(connection):
            answer = JSONResponse({"error": ANOTHER_KIND}, 403)
        else:
            told = {"error": "a read key is needed: Authorization: Bearer KEY"}
            answer = JSONResponse(told, 401, {"WWW-Authenticate": "Bearer"})
        await answer(scope, receive, send)
