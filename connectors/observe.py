"""Counts and logs each answer of an HTTP application, and makes a plain 500 of what went wrong inside.

A line of the log says method, route, status and duration, and nothing that a client wrote: no path, query,
header or body, which carry keys and personal data.
"""

import logging
import time
from collections.abc import Callable
from functools import cache
from typing import Final

from prometheus_client import Counter
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HTTP_REQUESTS: Final = Counter(
    "leadheat_http_requests_total", "Requests answered, by route and status code.", ["route", "code"]
)
_log: Final = logging.getLogger(__name__)
_GONE: Final = 499
"""What is counted where the client hung up; it hears nothing."""
_KNOWN_METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})


class Observe:
    """The outermost middleware of an application; `route_of` gives the template of the route of a path."""

    def __init__(self, app: ASGIApp, route_of: Callable[[str], str | None]) -> None:
        self._app = app
        self._route_of = route_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on and notes what became of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        code = 0

        async def noting(message: Message) -> None:
            nonlocal code
            if message["type"] == "http.response.start":
                code = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except ClientDisconnect:
            code = _GONE
        except (
            Exception
        ) as error:  # the boundary: logged by kind and place only, its text may quote a person's data
            _log.error("%s at %s", type(error).__name__, place_of(error))
            if code == 0:
                await JSONResponse({"error": "internal error"}, 500)(scope, receive, noting)
        self._note(scope, code, time.perf_counter() - began)

    def _note(self, scope: Scope, code: int, seconds: float) -> None:
        route = self._route_of(scope["path"]) or "other"
        _counted(route, code).inc()
        method = scope["method"] if scope["method"] in _KNOWN_METHODS else "OTHER"
        level = logging.DEBUG if code < 400 else logging.INFO if code < 500 else logging.WARNING
        if _log.isEnabledFor(level):
            _log.log(level, "%s %s %d %.1f ms", method, route, code, seconds * 1000)


@cache
def _counted(route: str, code: int) -> Counter:
    return HTTP_REQUESTS.labels(route, str(code))


def place_of(error: BaseException) -> str:
    """Where an error was raised: what a log may say of one whose text may quote a person's data."""
    trace = error.__traceback__
    place = "unknown place"
    while trace is not None:
        place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
