"""The proxy does to connections what its modes say."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from deploy.ports import free_ports
from tests.faults.proxy import Proxy


@asynccontextmanager
async def echo() -> AsyncIterator[tuple[Proxy, int, list[bytes]]]:
    """A server that sends everything back, a proxy before it, and what the server got."""
    got: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionResetError):  # as the proxy is asked to
            while chunk := await reader.read(100):
                got.append(chunk)
                writer.write(chunk)
        writer.close()

    inner, outer = free_ports(2)
    server = await asyncio.start_server(serve, "127.0.0.1", inner)
    proxy = await asyncio.to_thread(Proxy([(outer, inner)]).__enter__)
    try:
        yield proxy, outer, got
    finally:
        await asyncio.to_thread(proxy.__exit__)
        server.close()


async def until(holds: list[bytes], text: bytes) -> None:
    async with asyncio.timeout(10):
        while b"".join(holds) != text:
            await asyncio.sleep(0.01)


async def talking(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection on which a first word came back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"one")
    assert await reader.readexactly(3) == b"one"
    return reader, writer


async def test_passes_all_on() -> None:
    async with echo() as (_, port, _got):
        _, writer = await talking(port)
        writer.close()


async def test_a_black_hole_holds_what_was_sent_until_it_is_open() -> None:
    async with echo() as (proxy, port, got):
        reader, writer = await talking(port)
        proxy.set("black hole")
        writer.write(b"two")
        await writer.drain()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.readexactly(1), 0.2)
        assert got == [b"one"]
        proxy.set("open")
        assert await reader.readexactly(3) == b"two"
        writer.close()


async def test_a_reset_ends_connections_and_refuses_new_ones() -> None:
    async with echo() as (proxy, port, got):
        reader, _writer = await talking(port)
        proxy.set("reset")
        with pytest.raises(ConnectionResetError):
            await reader.readexactly(1)
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            again, _ = await asyncio.open_connection("127.0.0.1", port)
            await again.readexactly(1)
        assert got == [b"one"]


async def test_dropped_answers_were_asked_for_and_never_come() -> None:
    async with echo() as (proxy, port, got):
        reader, writer = await talking(port)
        proxy.set("answers dropped")
        writer.write(b"two")
        await until(got, b"onetwo")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.readexactly(1), 0.2)
        proxy.set("open")  # of no use any more: bytes are missing
        with pytest.raises(ConnectionResetError):
            await reader.readexactly(1)
