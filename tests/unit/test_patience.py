"""Clients that hold a connection by sending next to nothing are hung up on; what they sent is never kept."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest
import uvicorn

from connectors.ingest import bodies
from connectors.ingest.config import GatewayConfig
from connectors.ingest.gateway import create_app
from deploy import patience
from deploy.patience import PatientProtocol
from deploy.ports import free_ports
from scorer.times import Micros

SOON_S = 0.3
PATIENCE_S = 20.0
HEAD = b"POST /v1/events HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer wk\r\n"


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    monkeypatch.setattr(patience, "HEAD_WITHIN_S", SOON_S)
    monkeypatch.setattr(patience, "REST_WITHIN_S", SOON_S)
    monkeypatch.setattr(bodies, "_READ_WITHIN_S", SOON_S)
    app = create_app(GatewayConfig("127.0.0.1:1", "leadheat", ("wk",), lambda: Micros(0)))
    config = uvicorn.Config(
        app,
        port=free_ports(1)[0],
        http=PatientProtocol,
        log_config=None,
        lifespan="off",
        timeout_keep_alive=1,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield config.port
    server.should_exit = True
    await serving


async def trickled(port: int, first: bytes, then: bytes) -> bytes:
    """What a client hears that sends a piece again and again, until it is hung up on."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(first)

    async def trickle() -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(then)
                await writer.drain()
                await asyncio.sleep(0.02)

    trickling = asyncio.create_task(trickle())
    heard = b""
    try:
        async with asyncio.timeout(PATIENCE_S):
            with contextlib.suppress(ConnectionError):
                while piece := await reader.read(65_536):
                    heard += piece
    finally:
        trickling.cancel()
        writer.close()
    return heard


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (b"", b""),
        (b"", b"\r\n"),
        (b"POST /v1/events HTTP/1.1\r\n", b"X: y\r\n"),
        (HEAD + b"X-Never-Ending: ", b"y"),
        (b"GET /healthz HTTP/1.1\r\nHost: g\r\n\r\nGET /heal", b"t"),
    ],
)
async def test_a_head_that_never_ends(port: int, first: bytes, then: bytes) -> None:
    heard = await trickled(port, first, then)
    assert heard.count(b"HTTP/1.1") == first.count(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("head", "then", "status"),
    [
        (HEAD + b"Content-Length: 900000\r\n\r\n", b"[", b"408"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n[\r\n", b"408"),
        (HEAD.replace(b"wk", b"no") + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n[\r\n", b"401"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", (b"ffff\r\n" + b"[" * 65_535 + b"\r\n") * 150, b"413"),
    ],
)
async def test_a_body_that_never_ends(port: int, head: bytes, then: bytes, status: bytes) -> None:
    heard = await trickled(port, head, then)
    assert heard.startswith(b"HTTP/1.1 " + status)
    assert heard.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("flood", [b"X: " + b"y" * 1_000 + b"\r\n", b"y" * 5_000])
async def test_a_head_too_large(port: int, flood: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "HEAD_WITHIN_S", PATIENCE_S)
    assert (await trickled(port, HEAD + b"Y: ", flood)).startswith(b"HTTP/1.1 431")


async def test_who_sends_in_time_is_served_on_one_connection(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(3):
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: g\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        await reader.readuntil(b"}")
        await asyncio.sleep(2 * SOON_S)  # idle is not slow
    began = time.monotonic()
    assert await reader.read() == b""
    assert time.monotonic() - began < PATIENCE_S
    writer.close()


async def test_the_rest_of_a_body_that_was_refused_is_heard_out(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HEAD.replace(b"wk", b"no") + b"Content-Length: 4\r\n\r\n[")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 401")
    await reader.readuntil(b"}")
    writer.write(b"  ]GET /healthz HTTP/1.1\r\nHost: g\r\n\r\n")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
    writer.close()
