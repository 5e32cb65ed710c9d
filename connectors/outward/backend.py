"""Opens connections: resolves a host itself, and connects to the very address that it has judged.

So whoever answers for a name can't say a public address to the judge and a private one to the connection.
The name stays the one that TLS asks for and the request says.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import httpcore

from connectors.outward.addresses import Address, Allowed, address_of
from connectors.outward.errors import ForbiddenAddressError

Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]

_MOST_ADDRESSES: Final = 4
"""Addresses of a host that are tried, one after the other."""
_RESOLVERS: Final = 4


class SystemResolver:
    """The system's resolver, in threads of its own: a name that hangs keeps no other client waiting."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="resolve")

    async def __call__(self, host: str, port: int) -> list[Address]:
        """The addresses of a host, each once; OSError where it has none."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, _look_up, host, port)
        return list(dict.fromkeys(found))

    def close(self) -> None:
        """Lets go of the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int) -> list[Address]:
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [address_of(str(address[0])) for _, _, _, _, address in answers]


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """The part of httpcore that opens connections."""

    def __init__(self, allowed: Allowed, resolve: Resolve) -> None:
        self._allowed = allowed
        self._resolve = resolve
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connects to the first address of a host that may be reached, and answers."""
        try:
            found = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:  # a name that is none is a UnicodeError
            raise httpcore.ConnectError("the host's name is not known") from error
        reachable = [one for one in found if self._allowed.lets(host, one)][:_MOST_ADDRESSES]
        if found and not reachable:
            raise ForbiddenAddressError
        failure: Exception = httpcore.ConnectError("the host has no address")
        for address in reachable:
            try:
                return await self._inner.connect_tcp(
                    str(address), port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def sleep(self, seconds: float) -> None:
        """Between httpcore's own attempts, of which there are none."""
        await self._inner.sleep(seconds)
