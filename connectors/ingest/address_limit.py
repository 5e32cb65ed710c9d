"""Limits how fast one network address may send, before anything else of its request is looked at."""

from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from connectors.ingest.errors import RefusedError
from connectors.ingest.limits import RateLimit
from connectors.ingest.refusals import refused

_HOUSEHOLD: Final = 64
"""Bits of an IPv6 address that one subscriber has: the others are its own to choose."""


class AddressLimit:
    """Answers 429 to what comes too fast to an ingest path."""

    def __init__(self, app: ASGIApp, limit: RateLimit, is_ingest: Callable[[str], bool]) -> None:
        self._app = app
        self._limit = limit
        self._is_ingest = is_ingest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on where there is time for it."""
        if scope["type"] == "http" and scope["method"] != "OPTIONS" and self._is_ingest(scope["path"]):
            try:
                self._limit.take(sender_of(scope))
            except RefusedError as refusal:
                await refused(refusal)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def sender_of(scope: Scope) -> str:
    """Whom an address stands for.

    >>> sender_of({"client": ("2001:db8:1:2:3::4", 80)}), sender_of({"client": ("203.0.113.7", 80)})
    ('2001:db8:1:2::/64', '203.0.113.7')
    """
    host = str(scope["client"][0]) if scope.get("client") else ""
    try:
        address = ip_address(host) if ":" in host else None
    except ValueError:
        return host
    if not isinstance(address, IPv6Address):
        return host
    bits = int(address) >> (128 - _HOUSEHOLD) << (128 - _HOUSEHOLD)
    return f"{IPv6Address(bits)}/{_HOUSEHOLD}"
