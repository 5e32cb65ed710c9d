"""Who may read: a read key, or the cookie that it was exchanged for.

The cookie is signed with the key it was given for, so it needs no storage, holds good on every server and
over an emptied cache, and ends with its key.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Final

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import Route

from connectors.serve.bodies import json_of
from connectors.serve.desk import Json
from connectors.serve.errors import Refusal

COOKIE: Final = "leadheat_session"
ANOTHER_KIND: Final = "this key sends events: a read key is needed"
_LASTS_S: Final = 7 * 86_400
_MOST_BYTES: Final = 2_000


class Sessions:
    """Knows the read keys, and by `sends` the write keys, for which somebody may mistake them."""

    def __init__(
        self,
        read_keys: Sequence[str],
        sends: Callable[[str], bool] = lambda _: False,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._keys = [key.encode() for key in read_keys]
        self._sends = sends
        self._wall = wall

    def routes(self) -> list[Route]:
        """Signing in and out."""
        return [
            Route("/v1/session", self.open, methods=["POST"]),
            Route("/v1/session", self.end, methods=["DELETE"]),
        ]

    def admits(self, connection: HTTPConnection) -> bool:
        """Whether a request may read."""
        if (key := _bearer(connection)) is not None:
            return _found(self._keys, key) is not None
        return self._signed(connection.cookies.get(COOKIE, ""))

    def of_another_kind(self, connection: HTTPConnection) -> bool:
        """Whether a request shows a key that sends events, and does not read."""
        return self._sends(_bearer(connection) or "")

    async def open(self, request: Request) -> Response:
        """Exchanges a key for a cookie."""
        given = await _given_key(request)
        key = _found(self._keys, given)
        if key is None:
            if self._sends(given):
                raise Refusal(403, ANOTHER_KIND)
            raise Refusal(401, "no such read key")
        until = str(int(self._wall()) + _LASTS_S)
        nonce = secrets.token_urlsafe(12)
        response = Json({"ok": True})
        response.set_cookie(
            COOKIE,
            f"{until}.{nonce}.{_sign(key, until, nonce)}",
            max_age=_LASTS_S,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return response

    async def end(self, request: Request) -> Response:
        """Takes the cookie back."""
        response = Response(status_code=204)
        response.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=request.url.scheme == "https")
        return response

    def _signed(self, cookie: str) -> bool:
        until, _, rest = cookie.partition(".")
        nonce, _, signature = rest.partition(".")
        if not (until.isascii() and until.isdigit() and len(until) < 15) or int(until) < self._wall():
            return False
        given = signature.encode(errors="surrogatepass")
        return any(hmac.compare_digest(_sign(key, until, nonce).encode(), given) for key in self._keys)


def _bearer(connection: HTTPConnection) -> str | None:
    scheme, _, key = connection.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None


def _found(keys: Sequence[bytes], given: str) -> bytes | None:
    found = None
    for key in keys:  # all of them, so that the time taken tells nothing
        if hmac.compare_digest(key, given.encode(errors="surrogatepass")):
            found = key
    return found


def _sign(key: bytes, until: str, nonce: str) -> str:
    message = f"leadheat session {until} {nonce}".encode(errors="surrogatepass")
    return hmac.new(key, message, hashlib.sha256).hexdigest()


async def _given_key(request: Request) -> str:
    given = await json_of(request, _MOST_BYTES)
    key = given.get("key") if isinstance(given, dict) else None
    if not isinstance(key, str):
        raise Refusal(400, 'expected {"key": "…"}')
    return key
