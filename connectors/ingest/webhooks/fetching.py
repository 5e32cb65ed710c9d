"""Gets a small file by https, for a provider whose signatures name their certificate."""

import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from connectors.outward.addresses import Allowed
from connectors.outward.backend import Resolve
from connectors.outward.client import OutwardClient
from connectors.outward.errors import OutwardError

Fetch = Callable[[str], Awaitable[bytes]]
"""The bytes at an address; FetchError where there are none to be had."""

_WITHIN_S: Final = 5.0
_MOST_BYTES: Final = 65_536


class FetchError(Exception):
    """An address that gave nothing, or too much, in time."""


@dataclass(frozen=True)
class SmallFiles:
    """Asks public hosts, and the private ones that are allowed; `tls` and `resolve` as of OutwardClient."""

    allowed: Allowed = field(default_factory=Allowed)
    tls: ssl.SSLContext | None = None
    resolve: Resolve | None = None

    async def __call__(self, url: str) -> bytes:
        """The bytes at an https address, at most 64 kB; no redirect is followed. Raises FetchError."""
        if not url.startswith("https://"):
            raise FetchError("no https address")
        client = OutwardClient(
            self.allowed, total_s=_WITHIN_S, most_bytes=_MOST_BYTES, resolve=self.resolve, tls=self.tls
        )
        try:
            answer = await client.send("GET", url)
        except OutwardError as error:
            raise FetchError(str(error)) from None
        finally:
            await client.close()
        if not answer.is_success:
            raise FetchError(f"answered {answer.status}")
        return answer.body
