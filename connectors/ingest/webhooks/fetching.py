"""Gets a small file by https, for a provider whose signatures name their certificate."""

from collections.abc import Awaitable, Callable
from typing import Final

import httpx

Fetch = Callable[[str], Awaitable[bytes]]
"""The bytes at an address; FetchError where there are none to be had."""

_WITHIN_S: Final = 5.0
_MOST_BYTES: Final = 65_536


class FetchError(Exception):
    """An address that gave nothing, or too much, in time."""


async def fetch_small(url: str) -> bytes:
    """The bytes at an https address, at most 64 kB; no redirect is followed. Raises FetchError."""
    if not url.startswith("https://"):
        raise FetchError("no https address")
    try:
        async with (
            httpx.AsyncClient(timeout=_WITHIN_S, follow_redirects=False, trust_env=False) as client,
            client.stream("GET", url) as answer,
        ):
            answer.raise_for_status()
            found = b""
            async for chunk in answer.aiter_bytes():
                found += chunk
                if len(found) > _MOST_BYTES:
                    raise FetchError("the answer is too large")
            return found
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise FetchError(type(error).__name__) from error
