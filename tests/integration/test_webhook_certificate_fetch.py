"""What a gateway fetches for a provider's signature, over real TLS: from where, and as much as it may."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path

import pytest

from connectors.ingest.errors import RefusedError
from connectors.ingest.webhooks.fetching import FetchError, SmallFiles
from connectors.ingest.webhooks.sns import Certificates
from connectors.outward.addresses import Address, Allowed
from deploy.ports import free_ports
from scorer.times import Micros
from tests.certificate import self_signed

LOCAL = Allowed.parse("127.0.0.1")
AMAZONS = "https://sns.eu-west-3.amazonaws.com/SimpleNotificationService-0a.pem"
PEM = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\npem"


class Site:
    """A server on this machine that speaks TLS, and which paths it was asked for."""

    def __init__(self, folder: Path) -> None:
        self._files = self_signed(folder)
        self.trusting = ssl.create_default_context(cafile=self._files[0])
        self.asked: list[str] = []

    @asynccontextmanager
    async def answering(self, answer: Callable[[str], bytes]) -> AsyncIterator[str]:
        """Answers each path with what `answer` says; gives the address."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
            self.asked.append(path)
            writer.write(answer(path))
            writer.close()

        (port,) = free_ports(1)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*self._files)
        async with await asyncio.start_server(serve, "127.0.0.1", port, ssl=context):
            yield f"https://127.0.0.1:{port}"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


async def test_a_small_file_is_fetched_and_only_from_whom_is_believed(site: Site) -> None:
    async with site.answering(lambda _: PEM) as url:
        assert await SmallFiles(LOCAL, site.trusting)(f"{url}/a.pem") == b"pem"
        with pytest.raises(FetchError, match="no answer"):
            await SmallFiles(LOCAL)(f"{url}/a.pem")
    assert site.asked == ["/a.pem"]


async def test_a_private_address_is_not_asked(site: Site) -> None:
    async with site.answering(lambda _: PEM) as url:
        with pytest.raises(FetchError, match="LEADHEAT_ALLOW_PRIVATE"):
            await SmallFiles(tls=site.trusting)(f"{url}/a.pem")
    assert site.asked == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed(site: Site, status: int) -> None:
    def answer(path: str) -> bytes:
        there = f"HTTP/1.1 {status} There\r\nlocation: /b.pem\r\ncontent-length: 0\r\n\r\n"
        return there.encode() if path == "/a.pem" else PEM

    async with site.answering(answer) as url:
        with pytest.raises(FetchError, match=str(status)):
            await SmallFiles(LOCAL, site.trusting)(f"{url}/a.pem")
    assert site.asked == ["/a.pem"]


@pytest.mark.parametrize("status", [404, 500])
async def test_an_error_is_no_file(site: Site, status: int) -> None:
    async with site.answering(lambda _: f"HTTP/1.1 {status} No\r\n".encode() + PEM[17:]) as url:
        with pytest.raises(FetchError, match=f"answered {status}"):
            await SmallFiles(LOCAL, site.trusting)(f"{url}/a.pem")


@pytest.mark.parametrize("size", [65_536, 65_537])
async def test_nothing_large_is_taken(site: Site, size: int) -> None:
    body = f"HTTP/1.1 200 OK\r\ncontent-length: {size}\r\n\r\n".encode() + b"x" * size
    fetch = SmallFiles(LOCAL, site.trusting)
    async with site.answering(lambda _: body) as url:
        if size <= 65_536:
            assert len(await fetch(f"{url}/a.pem")) == size
        else:
            with pytest.raises(FetchError, match="65536 bytes"):
                await fetch(f"{url}/a.pem")


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "file:///etc/passwd", "", "https://[", "https://\0"])
async def test_other_addresses_are_none(url: str) -> None:
    with pytest.raises(FetchError, match=r"no https address|no valid|no answer"):
        await SmallFiles(LOCAL)(url)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.7", "169.254.169.254", "::ffff:10.0.0.7"])
async def test_amazons_name_at_a_private_address_is_told_to_who_runs_it_alone(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def poisoned(host: str, port: int) -> list[Address]:
        assert (host, port) == ("sns.eu-west-3.amazonaws.com", 443)
        return [ip_address(address)]

    with caplog.at_level(logging.WARNING), pytest.raises(RefusedError) as refused:
        await Certificates().key(AMAZONS, SmallFiles(resolve=poisoned), Micros(0))
    assert refused.value.status == 503
    assert "private" not in refused.value.message
    assert "LEADHEAT_ALLOW_PRIVATE" in caplog.text
    assert address not in caplog.text
