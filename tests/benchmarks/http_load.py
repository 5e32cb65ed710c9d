"""An open-loop HTTP client: requests leave at their own times, whether earlier ones are answered or not.

A client that waits for answers would send less when the server stalls, and so hide the stall. What the server
puts off (429, 503) is sent again when it says, as a tracker's library would; its clock runs on.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

_TICK_S: Final = 0.001
_END: Final = b"\r\n\r\n"
_PUT_OFF: Final = (b" 429 ", b" 503 ")


class LoadError(Exception):
    """The server refused a request, or closed a connection."""


class _Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self, pool: "OpenLoop") -> None:
        self._pool = pool
        self._got = b""
        self.request = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def send(self, request: bytes) -> None:
        assert self._transport is not None
        self.request = request
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, ended, body = self._got.partition(_END)
        if not ended:
            return
        if len(body) >= _number(head, b"content-length:"):
            self._got = b""
            self._pool.answered(self, head)

    def connection_lost(self, error: Exception | None) -> None:
        self._pool.lost(self, error)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class OpenLoop:
    """Requests to one address over some connections; those that find none free wait, and their clock runs."""

    def __init__(self, host: str, port: int, path: str, headers: dict[str, str]) -> None:
        self._address = host, port
        lines = [f"POST {path} HTTP/1.1", f"Host: {host}:{port}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._head = "\r\n".join([*lines, "Content-Length: "]).encode()
        self._free: list[_Connection] = []
        self._waiting: deque[bytes] = deque()
        self._open = 0
        self._put_off = 0
        self.refusals = 0
        """How often the server put a request off."""
        self._failed: Exception | None = None
        self._closing = False

    async def connect(self, connections: int) -> None:
        """Opens more connections, up to so many."""
        loop = asyncio.get_running_loop()
        while len(self._free) < connections:
            _, made = await loop.create_connection(lambda: _Connection(self), *self._address)
            self._free.append(made)

    async def send(self, bodies: Sequence[bytes], every_s: float) -> Iterator[float]:
        """Sends one after the other, `every_s` apart; when each was due, on the monotonic clock."""
        began = time.perf_counter() + _TICK_S
        for number, body in enumerate(bodies):
            while (wait := began + number * every_s - time.perf_counter()) > 0:
                await asyncio.sleep(max(wait, _TICK_S))
            self._send(b"%b%d%b%b" % (self._head, len(body), _END, body))
            if number % 64 == 0:
                await asyncio.sleep(0)  # behind its times, it must still read answers
        while self._open or self._waiting or self._put_off:
            self._check()
            await asyncio.sleep(_TICK_S)
        return (began + number * every_s for number in range(len(bodies)))

    def _send(self, request: bytes) -> None:
        self._check()
        if self._free:
            self._open += 1
            self._free.pop().send(request)
        else:
            self._waiting.append(request)

    def answered(self, connection: _Connection, head: bytes) -> None:
        """An answer came: the connection takes the next request."""
        if any(status in head[:16] for status in _PUT_OFF):
            self.refusals += 1
            self._put_off += 1
            wait = _number(head, b"retry-after:")
            asyncio.get_running_loop().call_later(wait, self._again, connection.request)
        elif b" 200 " not in head[:16]:
            self._failed = LoadError(f"the gateway answered {head.splitlines()[0].decode()}")
        if self._waiting:
            connection.send(self._waiting.popleft())
        else:
            self._open -= 1
            self._free.append(connection)

    def _again(self, request: bytes) -> None:
        self._put_off -= 1
        if self._failed is None:
            self._send(request)

    def lost(self, connection: _Connection, error: Exception | None) -> None:
        """A connection was closed by the other side, which may be tired of one that is not used."""
        if connection in self._free:
            self._free.remove(connection)
        elif not self._closing:
            self._failed = error or LoadError("the gateway closed a connection")

    def _check(self) -> None:
        if self._failed is not None:
            raise self._failed

    def close(self) -> None:
        """Closes all connections."""
        self._closing = True
        with contextlib.suppress(IndexError):
            while True:
                self._free.pop().close()


def _number(head: bytes, name: bytes) -> int:
    """A header's number; 0 where there is none."""
    lines = (line for line in head.lower().split(b"\r\n") if line.startswith(name))
    return next((int(line[len(name) :]) for line in lines), 0)
