"""Requests to machines that mean no good, over real sockets."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_address

import pytest

from connectors.outward.addresses import Address, Allowed
from connectors.outward.client import OutwardClient
from connectors.outward.errors import AnswerTooLargeError, ForbiddenAddressError, NoAnswerError, OutwardError
from deploy.ports import free_ports

LOCAL = Allowed.parse("127.0.0.0/8, ::1")
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def speaking(talk: Talk) -> AsyncIterator[int]:
    """A server that says what `talk` says once it has read the request's head; its port."""
    (port,) = free_ports(1)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client hung up, as it may
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    try:
        yield port
    finally:
        server.close()


def saying(*parts: bytes) -> Talk:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()

    return talk


async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10000000000\r\n\r\n")
    while True:
        writer.write(b"x" * 65_536)
        await writer.drain()


async def dripping(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for letter in b"HTTP/1.1 200 OK\r\n":
        writer.write(bytes([letter]))
        await writer.drain()
        await asyncio.sleep(0.02)
    await asyncio.sleep(60)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "2130706433", "0177.0.0.1", "0x7f000001", "127.1", "localhost", "[::ffff:127.0.0.1]"],
)
async def test_no_way_of_writing_it_leads_to_this_machine(host: str) -> None:
    asked = []

    async def talk(*_: object) -> None:
        asked.append(host)

    async with speaking(talk) as port:
        client = OutwardClient(Allowed())
        with pytest.raises(OutwardError, match=r"LEADHEAT_ALLOW_PRIVATE|no valid") as refused:
            await client.send("POST", f"http://{host}:{port}/hook")
        assert not refused.value.retriable
        await client.close()
    assert asked == []


async def test_a_name_that_changes_its_address_after_it_was_judged_is_not_asked_again() -> None:
    answers = [ip_address("127.0.0.1"), ip_address("169.254.169.254")]
    resolved = []

    async def rebinding(host: str, _: int) -> list[Address]:
        resolved.append(host)
        return [answers[min(len(resolved), 2) - 1]]

    async with speaking(
        saying(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")
    ) as port:
        client = OutwardClient(LOCAL, resolve=rebinding)
        assert (await client.send("GET", f"http://rebind.example:{port}/")).body == b"ok"
        assert resolved == ["rebind.example"]
        with pytest.raises(ForbiddenAddressError):
            await client.send("GET", f"http://rebind.example:{port}/")
        await client.close()


async def test_of_public_and_private_addresses_only_the_public_ones_are_tried() -> None:
    async def mixed(_: str, __: int) -> list[Address]:
        return [ip_address("169.254.169.254"), ip_address("127.0.0.1")]

    async with speaking(saying(b"HTTP/1.1 204 No Content\r\n\r\n")) as port:
        client = OutwardClient(LOCAL, resolve=mixed)
        assert (await client.send("POST", f"http://both.example:{port}/", most_bytes=0)).status == 204
        await client.close()


async def test_the_request_says_the_name_and_what_it_was_given() -> None:
    heard = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readexactly(4))
        writer.write(b"HTTP/1.1 200 OK\r\nX-One: 1\r\ncontent-length: 0\r\n\r\n")

    async def resolve(_: str, __: int) -> list[Address]:
        return [ip_address("127.0.0.1")]

    async with speaking(talk) as port:
        client = OutwardClient(LOCAL, resolve=resolve)
        answer = await client.send("POST", f"http://a:b%20@crm.example:{port}/é?q=1", content=b"body")
        await client.close()
    assert heard == [b"body"]
    assert answer.headers["x-one"] == "1"


async def test_a_redirect_is_an_answer_and_no_way() -> None:
    told = b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/latest/\r\ncontent-length: 0\r\n\r\n"
    async with speaking(saying(told)) as port:
        client = OutwardClient(LOCAL)
        assert (await client.send("POST", f"http://127.0.0.1:{port}/")).status == 302
        await client.close()


async def test_an_endless_answer_is_cut_off_or_not_read_at_all() -> None:
    async with speaking(endless) as port:
        client = OutwardClient(LOCAL, most_bytes=100_000)
        with pytest.raises(AnswerTooLargeError, match="100000 bytes"):
            await client.send("GET", f"http://127.0.0.1:{port}/")
        assert (await client.send("GET", f"http://127.0.0.1:{port}/", most_bytes=0)).status == 200
        await client.close()


async def test_an_answer_that_drips_has_a_deadline() -> None:
    async with speaking(dripping) as port:
        client = OutwardClient(LOCAL, total_s=0.3)
        with pytest.raises(NoAnswerError, match=r"within 0\.3 s"):
            await client.send("POST", f"http://127.0.0.1:{port}/", most_bytes=0)
        await client.close()


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [b"HTTP/1.1 200"],
        [b"nonsense\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"],
        [b"HTTP/1.1 200 OK\r\n" + b"x: " + b"y" * 200_000],
    ],
    ids=["nothing", "half-a-line", "nonsense", "half-a-body", "endless-head"],
)
async def test_an_answer_that_ends_early_or_is_none_is_no_answer(parts: list[bytes]) -> None:
    async with speaking(saying(*parts)) as port:
        client = OutwardClient(LOCAL, total_s=10)
        with pytest.raises(NoAnswerError):
            await client.send("GET", f"http://127.0.0.1:{port}/")
        await client.close()


async def test_nobody_there_and_no_such_name_are_no_answers() -> None:
    client = OutwardClient(LOCAL)
    for host in (f"127.0.0.1:{free_ports(1)[0]}", "no-such-name.invalid", "x" * 70 + ".example"):
        with pytest.raises(NoAnswerError):
            await client.send("GET", f"http://{host}/")
    await client.close()


async def test_a_given_header_wins_however_it_is_written() -> None:
    (port,) = free_ports(1)
    heads = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).lower())
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()

    client = OutwardClient(LOCAL)
    async with await asyncio.start_server(serve, "127.0.0.1", port):
        await client.send("GET", f"http://127.0.0.1:{port}/", headers={"Accept": "application/json"})
        await client.close()
    (head,) = heads
    assert [line for line in head.split(b"\r\n") if line.startswith(b"accept:")] == [
        b"accept: application/json"
    ]
