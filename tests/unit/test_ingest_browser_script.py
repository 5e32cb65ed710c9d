"""The browser script as a file: small, readable by what it is served to, cached as it should be."""

import gzip
import shutil
import subprocess
from collections.abc import AsyncIterator

import httpx
import pytest

from connectors.ingest.browser_script import SOURCE
from connectors.ingest.config import GatewayConfig
from connectors.ingest.gateway import create_app
from scorer.times import Micros


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(GatewayConfig("127.0.0.1:1", "leadheat", ("wk",), lambda: Micros(0)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as one:
        yield one


def test_it_is_small() -> None:
    assert len(gzip.compress(SOURCE.read_bytes(), 9)) < 4_096


@pytest.mark.node
def test_it_parses() -> None:
    if (node := shutil.which("node")) is None:
        pytest.skip("needs Node.js")
    subprocess.run([node, "--check", str(SOURCE)], check=True, capture_output=True)


def test_it_keeps_to_what_older_browsers_read() -> None:
    source = SOURCE.read_text(encoding="utf-8")
    for newer in ("?.", "??", "catch {", ".flatMap(", "async function*", "import("):
        assert newer not in source


async def test_it_is_served_packed_to_who_unpacks(client: httpx.AsyncClient) -> None:
    packed = await client.get("/leadheat.js", headers={"Accept-Encoding": "gzip, br"})
    plain = await client.get("/leadheat.js", headers={"Accept-Encoding": "identity"})
    assert packed.content == plain.content == SOURCE.read_bytes()
    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) < 4_096
    for answer in (packed, plain):
        assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert answer.headers["Cache-Control"].startswith("public, max-age=")
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert packed.headers["ETag"] != plain.headers["ETag"]


@pytest.mark.parametrize(
    ("known", "status"), [("{}", 304), ('"x", W/{}', 304), ("*", 304), ('"x"', 200), ("", 200)]
)
async def test_who_has_it_is_not_sent_it_again(client: httpx.AsyncClient, known: str, status: int) -> None:
    etag = (await client.get("/leadheat.js")).headers["ETag"]
    answer = await client.get("/leadheat.js", headers={"If-None-Match": known.format(etag)})
    assert (answer.status_code, answer.headers["ETag"]) == (status, etag)
    assert bool(answer.content) == (status == 200)
