"""A TCP proxy in front of a server, whose network can be cut, reset or slowed, in a thread of its own."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Self

from deploy.kafka.cluster import Cluster

Mode = Literal["open", "black hole", "reset", "answers dropped"]

_CHUNK: Final = 1 << 16
_LINGER_ZERO: Final = struct.pack("ii", 1, 0)  # closing then sends RST instead of FIN


@dataclass(eq=False)
class _Connection:
    client: asyncio.StreamWriter
    server: asyncio.StreamWriter | None = None
    broken: bool = False
    """Bytes of it were thrown away: of no use any more once the network is whole again."""
    pumps: list["asyncio.Task[None]"] = field(default_factory=list)


class Proxy:
    """Forwards ports of this machine to others of it.

    `open` lets all through, after `delay_s` each way. In a `black hole` connections stay open and nothing
    passes, as where a cable is pulled; what was sent passes once it is open again. `reset` ends all
    connections and refuses new ones by RST. `answers dropped` lets requests through and no answer.
    """

    def __init__(self, ports: Iterable[tuple[int, int]]) -> None:
        """Pairs of the port to listen on and the port to forward to."""
        self._ports = list(ports)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._connections: set[_Connection] = set()
        self._servers: list[asyncio.Server] = []
        self._mode: Mode = "open"
        self._passes = asyncio.Event()
        self.delay_s = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def mode(self) -> Mode:
        """What happens to bytes now."""
        return self._mode

    def set(self, mode: Mode) -> None:
        """Changes what happens to bytes, at once and on all connections."""
        self._run(self._set(mode))

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _listen(self) -> None:
        self._passes.set()
        for outer, inner in self._ports:

            async def accept(
                reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int = inner
            ) -> None:
                await self._serve(reader, writer, port)

            self._servers.append(await asyncio.start_server(accept, "127.0.0.1", outer))

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        tasks = [pump for one in self._connections for pump in one.pumps]
        for connection in list(self._connections):
            _end(connection)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _set(self, mode: Mode) -> None:
        self._mode = mode
        if mode == "black hole":
            self._passes.clear()
        else:
            self._passes.set()
        for connection in list(self._connections):
            if mode == "reset" or (mode == "open" and connection.broken):
                _end(connection)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
        connection = _Connection(writer)
        self._connections.add(connection)
        try:
            if self._mode == "reset":
                return
            await self._passes.wait()  # in a black hole: accepted by the kernel, and no answer
            from_server, connection.server = await asyncio.open_connection("127.0.0.1", port)
            connection.pumps = [
                asyncio.create_task(self._pump(reader, connection.server, connection, answers=False)),
                asyncio.create_task(self._pump(from_server, writer, connection, answers=True)),
            ]
            await asyncio.wait(connection.pumps, return_when=asyncio.FIRST_COMPLETED)
        except OSError:
            pass  # the server is down: so is the connection
        finally:
            _end(connection)
            for pump in connection.pumps:
                pump.cancel()
            self._connections.discard(connection)

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        connection: _Connection,
        *,
        answers: bool,
    ) -> None:
        """Passes one direction on; chunks under way may be many, so that a delay narrows no bandwidth."""
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(1_000)
        loop = asyncio.get_running_loop()

        async def deliver() -> None:
            while True:
                due, chunk = await under_way.get()
                if (wait := due - loop.time()) > 0:
                    await asyncio.sleep(wait)
                await self._passes.wait()
                if answers and self._mode == "answers dropped":
                    connection.broken = True
                if connection.broken and answers:
                    continue
                writer.write(chunk)
                await writer.drain()

        delivering = asyncio.create_task(deliver())
        try:
            while chunk := await reader.read(_CHUNK):
                await under_way.put((loop.time() + self.delay_s, chunk))
                if delivering.done():
                    break
            while not under_way.empty() and not delivering.done():
                await asyncio.sleep(0.01)
        except OSError:
            pass  # either end is gone: the other one shall be, too
        finally:
            delivering.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await delivering


def proxy_before(kafka: Cluster, door: int) -> Proxy:
    """A proxy in front of a door of all nodes."""
    return Proxy((one.advertised, one.port) for one in kafka.door(door))


def _end(connection: _Connection) -> None:
    """Ends both sides by RST."""
    for writer in (connection.client, connection.server):
        if writer is None:
            continue
        raw = writer.get_extra_info("socket")
        with contextlib.suppress(OSError, AttributeError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        writer.transport.abort()
