"""Nothing that a client wrote gets into the gateway's log, whatever goes wrong, at its most talkative."""

import asyncio
import contextlib
import gzip
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy import leash
from deploy.ports import free_ports
from tests.environment import with_settings
from tests.gateway_live import Broker, create_topics, running_broker
from tests.integration.processes import until

pytestmark = [pytest.mark.embedded, pytest.mark.slow]

CANARY = "canary"
KEY = "wk_live_canary"
PERSON: dict[str, Any] = {
    "type": "identify",
    "lead_id": "canary@person.example",
    "anonymous_id": "canary-browser",
    "traits": {"email": "canary@person.example", "phone": "+33 canary"},
    "context": {"ip": "203.0.113.77", "user_agent": "canary-agent"},
}
SOURCES = """
site: {keys: [{env: SITE_KEY}], origins: ["https://canary.example"], ip: cut, types: [page_view], rate: 1000}
hasty: {keys: [wk_live_canary_hasty], rate: {events: 0.001, burst: 1}}
"""


@contextlib.contextmanager
def gateway(broker: Broker, folder: Path) -> Iterator[tuple[int, Path]]:
    """A gateway as in production; its port and its log."""
    (port,) = free_ports(1)
    (folder / "sources.yml").write_text(SOURCES)
    settings = {
        "LEADHEAT_KAFKA": broker.bootstrap,
        "LEADHEAT_WRITE_KEYS": KEY,
        "LEADHEAT_SOURCES": str(folder / "sources.yml"),
        "LEADHEAT_LOG_LEVEL": "DEBUG",
        "LEADHEAT_PORT": str(port),
        "LEADHEAT_DELIVERY_TIMEOUT_S": "1",
        "SITE_KEY": "wk_live_canary_site",
    }
    log = folder / "log"
    with log.open("wb") as file:
        command = leash.command([sys.executable, "-m", "deploy.cli", "gateway"])
        process = subprocess.Popen(command, env=with_settings(settings), stdout=file, stderr=file)
    try:
        yield port, log
    finally:
        process.terminate()
        process.wait(30)


async def raw(port: int, request: bytes) -> None:
    """Sends what no client library would."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    with contextlib.suppress(ConnectionError):
        await reader.read(65_536)
    writer.close()


def bodies() -> list[bytes]:
    person = json.dumps(PERSON).encode()
    return [
        person,
        b"[" + person + b', {"type": "CANARY", "lead_id": "canary"}]',
        person[:-1],
        person.replace(b'"identify"', b'"page_view", "time": "canary"'),
        b'{"canary":' * 400 + b"1" + b"}" * 400,
        b'{"type": "page_view", "lead_id": "canary", "properties": {"x": "' + b"canary" * 6_000 + b'"}}',
        gzip.compress(person)[:-4],
        gzip.compress(b"canary" * 1_000_000),
        b"canary" * 200_000,
        b"\xff\xfe canary",
        json.dumps({"batch": [{"type": "track", "event": "Canary", "userId": "canary"}, 7]}).encode(),
        json.dumps({"batch": [{"type": "canary", "userId": "canary"}]}).encode(),
    ]


async def provoke(port: int) -> set[int]:
    """Goes every way that a request can; the statuses that came back."""
    found = set()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        for key in (KEY, "wk_live_canary_site", "wk_live_canary_hasty", "canary-nobody-s"):
            for body in bodies():
                headers = {"Authorization": f"Bearer {key}", "Cookie": "canary=1", "User-Agent": "canary"}
                for more in ({}, {"Content-Encoding": "canary"}, {"Origin": "https://canary.evil.example"}):
                    url = "/v1/events?token=canary"
                    found.add((await client.post(url, content=body, headers=headers | more)).status_code)
                for path in ("/v1/batch", "/v1/track", "/v1/p?writeKey=canary"):
                    answer = await client.post(path, content=body, auth=(key, "canary"))
                    found.add(answer.status_code)
        for method, path in (("GET", "/canary?canary=1"), ("CANARY", "/v1/events"), ("PUT", "/v1/track")):
            found.add((await client.request(method, path)).status_code)
        found.add((await client.get(f"/v1/projects/{CANARY}/settings")).status_code)
    for request in (
        b"CANARY\r\n\r\n",
        b"GET /canary HTTP/9.canary\r\n\r\n",
        b"POST /v1/events HTTP/1.1\r\nAuthorization: Bearer wk_live_canary\r\nContent-Length: canary\r\n\r\n",
        b"GET /" + b"canary" * 20_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /v1/events HTTP/1.1\r\nUpgrade: canary\r\nConnection: upgrade\r\nX-Canary: canary\r\n\r\n",
    ):
        await raw(port, request)
    return found


def test_the_log_holds_nothing_of_a_client(tmp_path: Path) -> None:
    with running_broker() as broker:
        asyncio.run(create_topics(broker.bootstrap, "leadheat"))
        with gateway(broker, tmp_path) as (port, log):

            def ready() -> bool:
                with contextlib.suppress(httpx.TransportError):
                    return httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
                return False

            until(ready)
            found = asyncio.run(provoke(port))
            assert found >= {200, 400, 401, 403, 404, 405, 413, 415, 429}
            broker.kill()
            asyncio.run(provoke(port))
            assert (
                httpx.post(
                    f"http://127.0.0.1:{port}/v1/events",
                    json=PERSON,
                    headers={"Authorization": f"Bearer {KEY}"},
                ).status_code
                == 503
            )
            (tmp_path / "sources.yml").write_text(SOURCES + "broken: {keys: [canary, wk_live_canary_site]}")
            until(lambda: "stay in force" in log.read_text())
        told = log.read_text()
    assert told.count("\n") > 30
    assert "POST /v1/events" in told
    for secret in ("canary", "203.0.113", "person.example", "+33"):
        assert secret not in told.lower(), [line for line in told.splitlines() if secret in line.lower()][:3]
