"""The gateway's answers that need no broker: CORS, methods, health, the log, the description of its paths."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY
from starlette.applications import Starlette
from starlette.routing import Route

from connectors.ingest.config import GatewayConfig
from connectors.ingest.errors import ConfigError
from connectors.ingest.gateway import create_app
from connectors.ingest.openapi import document
from connectors.observe import Observe
from scorer.times import Micros

KEY = "wk-secret-canary"
ORIGIN = "https://www.acme-exemple.fr"


def _app(**settings: Any) -> Starlette:
    return create_app(GatewayConfig("127.0.0.1:1", "leadheat", (KEY,), lambda: Micros(0), **settings))


async def _unread() -> AsyncIterator[bytes]:
    """A body that nobody must look at."""
    raise AssertionError("the body was read")
    yield b""


def _client(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway")


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with _client(_app()) as one:
        yield one


OTHERS = ("/healthz", "/readyz", "/metrics", "/openapi.json")
FOLLOWED = ("/leadheat.js", "/o/{token}.gif", "/c/{token}", "/m/u/{token}", "/m/n/{token}")
"""What a page or a mail asks for without a preflight."""


@pytest.mark.parametrize("path", [path for path in document()["paths"] if path not in (*OTHERS, *FOLLOWED)])
async def test_every_ingest_path_answers_a_preflight(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.options(
        path.replace("{write_key}", "x"),
        headers={
            "Origin": ORIGIN,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "anonymousid,authorization,content-type,sentat",
        },
    )
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert answer.headers["Access-Control-Allow-Headers"] == "anonymousid,authorization,content-type,sentat"
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert answer.headers["Vary"] == "Origin"


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("POST", {}, 401),
        ("POST", {"Authorization": f"Bearer {KEY}"}, 400),
        ("GET", {}, 405),
        ("PUT", {}, 405),
    ],
)
async def test_refusals_carry_the_headers_too(
    client: httpx.AsyncClient, method: str, headers: dict[str, str], status: int
) -> None:
    answer = await client.request(method, "/v1/events", headers={**headers, "Origin": ORIGIN})
    assert answer.status_code == status
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert answer.headers["Vary"] == "Origin"


async def test_only_listed_origins_where_some_are() -> None:
    async with _client(_app(cors_origins=(ORIGIN,))) as client:
        for origin, allowed in ((ORIGIN, True), (f"{ORIGIN}.evil.example", False), ("null", False)):
            answer = await client.post("/v1/events", headers={"Origin": origin})
            assert ("Access-Control-Allow-Origin" in answer.headers) == allowed
            assert answer.headers["Vary"] == "Origin"


async def test_other_paths_are_for_no_other_origin(client: httpx.AsyncClient) -> None:
    answer = await client.get("/healthz", headers={"Origin": ORIGIN})
    assert answer.json() == {"status": "ok"}
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert (await client.get("/nowhere")).status_code == 404


async def test_not_ready_before_the_broker_answered(client: httpx.AsyncClient) -> None:
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")


def _count(route: str, code: str) -> float:
    return REGISTRY.get_sample_value("leadheat_http_requests_total", {"route": route, "code": code}) or 0.0


async def test_requests_are_counted_by_route_never_by_path(client: httpx.AsyncClient) -> None:
    watched = [("/v1/projects/{write_key}/settings", "401"), ("other", "404"), ("/v1/events", "401")]
    before = [_count(*one) for one in watched]
    await client.get("/v1/projects/somebody-s-key/settings")
    await client.get("/somebody-s-path")
    await client.post("/v1/events")
    assert [_count(*one) for one in watched] == [count + 1 for count in before]
    text = (await client.get("/metrics")).text
    assert "leadheat_http_requests_total" in text
    assert "somebody" not in text


async def test_the_log_holds_nothing_that_a_client_wrote(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="connectors")
    canary = '{"type":"canary-type","lead_id":"canary-lead","time":"canary-time"}'
    for headers in ({}, {"Authorization": f"Bearer {KEY}"}, {"Authorization": "Bearer canary-key"}):
        await client.post("/v1/events?token=canary-token", content=canary, headers=headers)
        await client.post("/v1/t?writeKey=canary-key", content=canary, headers=headers)
        await client.get("/matomo.php?idsite=canary&token_auth=canary-token", headers=headers)
        await client.post("/mp/collect?measurement_id=canary&api_secret=canary-secret", headers=headers)
    await client.get("/v1/projects/canary-key/settings")
    await client.request("CANARY", "/canary-path")
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("connectors")]
    assert len(lines) == 14
    assert not [line for line in lines if "canary" in line.lower() or KEY in line]


async def test_what_goes_wrong_inside_is_a_plain_500(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(_: Any) -> Any:
        raise RuntimeError("canary@person.example")

    app = Observe(Starlette(routes=[Route("/", broken)], debug=False), lambda _: "/")
    async with _client(app) as client:
        answer = await client.get("/")
    assert answer.status_code == 500
    assert "canary" not in answer.text
    told = [record for record in caplog.records if record.name == "connectors.observe"]
    assert any("RuntimeError at" in record.getMessage() for record in told)
    assert not [record for record in told if "canary" in record.getMessage() or record.exc_info]


def test_refuses_to_start_without_a_key_or_with_a_wrong_mapping(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="LEADHEAT_WRITE_KEYS"):
        create_app(GatewayConfig("127.0.0.1:1", "leadheat", (), lambda: Micros(0)))
    with pytest.raises(ConfigError, match="cannot be read"):
        _app(mapping=tmp_path / "none.yml")


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/v1/events", {}),
        ("/v1/events", {"authorization": "Bearer guessed"}),
        ("/v1/batch", {"authorization": "Basic Z3Vlc3NlZDo="}),
        ("/v1/t?writeKey=guessed", {}),
    ],
)
async def test_a_key_in_the_head_is_looked_at_before_anything_of_the_body(
    path: str, headers: dict[str, str]
) -> None:
    async with _client(_app()) as client:
        answer = await client.post(path, content=_unread(), headers={**headers, "content-encoding": "gzip"})
    assert answer.status_code == 401


async def test_an_encoding_that_nobody_knows_is_refused_before_the_body_is_read() -> None:
    headers = {"Authorization": f"Bearer {KEY}", "Content-Encoding": "compress"}
    async with _client(_app()) as client:
        answer = await client.post("/v1/events", content=_unread(), headers=headers)
    assert (answer.status_code, answer.json()["error"][:27]) == (415, "Content-Encoding: unknown: ")


@pytest.mark.parametrize(
    ("method", "path", "status", "error"),
    [("POST", "/v1/nowhere", 404, "not found"), ("PUT", "/v1/events", 405, "method not allowed")],
)
async def test_no_such_path_or_method_is_refused_as_everything_is(
    client: httpx.AsyncClient, method: str, path: str, status: int, error: str
) -> None:
    answer = await client.request(method, path)
    assert (answer.status_code, answer.json()) == (status, {"error": error})
    assert answer.headers.get("allow") == ("POST" if status == 405 else None)


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/events", "/v1/e", "/i", "/g/collect", "/v1/webhooks/x"])
@pytest.mark.parametrize("host", [b"gateway", b"[", b"gateway/x?"])
async def test_a_query_or_a_host_that_is_no_text_is_no_fault(path: str, host: bytes) -> None:
    headers = [(b"host", host), (b"authorization", b"Bearer " + KEY.encode())]
    scope = {
        "type": "http",
        "method": "GET" if path == "/i" else "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"key=\xff\xfe",
        "headers": headers,
        "client": None,
    }
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await _app()(scope, receive, send)
    assert sent[0]["status"] in (400, 401, 404)
