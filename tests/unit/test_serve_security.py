"""Who may read, and what browsers are told: the app without broker or store."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import httpx
import pytest
from prometheus_client import REGISTRY
from starlette.requests import HTTPConnection
from starlette.routing import Match

from connectors.routing import BelowRoute
from connectors.serve.app import create_app
from connectors.serve.config import ServeConfig
from connectors.serve.errors import ConfigError
from connectors.serve.sessions import ANOTHER_KIND, COOKIE, Sessions
from connectors.serve.write_keys import WriteKeys
from deploy.ports import free_ports
from scorer.errors import GridError
from scorer.times import Micros
from tests.serve_live import GRID

_KEY: Final = "rk-right"
_BASE: Final = "https://board.example"


@pytest.fixture
def config(tmp_path: Path) -> ServeConfig:
    grid = tmp_path / "grid.yml"
    grid.write_text(GRID)
    nobody = free_ports(1)[0]
    return ServeConfig(
        f"127.0.0.1:{nobody}", "t", f"redis://127.0.0.1:{nobody}", (_KEY, "rk-2"), grid, lambda: Micros(0)
    )


@pytest.fixture
async def client(config: ServeConfig) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(config))
    async with httpx.AsyncClient(transport=transport, base_url=_BASE) as found:
        yield found


_READS: Final = (
    "/v1/leads",
    "/v1/leads/u-1",
    "/v1/leads/u-1/timeline",
    "/v1/leads/u-1/curve",
    "/v1/accounts/acme.fr",
    "/v1/alerts",
    "/v1/alerts/x",
    "/v1/grid",
    "/v1/status",
    "/v1/stream",
    "/v1/arrivals",
    "/v1/nothing",
)


@pytest.mark.parametrize("path", _READS)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer rk-wrong"},
        {"Authorization": "Bearer "},
        {"Authorization": f"Basic {_KEY}"},
        {"Cookie": f"{COOKIE}={_KEY}"},
        {"Cookie": f"{COOKIE}=99999999999.x.00"},
    ],
)
async def test_no_or_a_wrong_key_is_401(
    client: httpx.AsyncClient, path: str, headers: dict[str, str]
) -> None:
    answer = await client.get(path, headers=headers)
    assert answer.status_code == 401
    assert answer.json()["error"]
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("key", ["wk-secret", "wk-page", "segment:wk-page"])
async def test_a_write_key_is_of_another_kind(config: ServeConfig, key: str) -> None:
    app = create_app(replace(config, write_keys=("wk-secret", "segment:wk-page", "matomo:*")))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=_BASE) as client:
        for path in _READS:
            answer = await client.get(path, headers={"Authorization": f"Bearer {key}"})
            assert (answer.status_code, answer.json()["error"]) == (403, ANOTHER_KIND)
        assert (await client.post("/v1/session", json={"key": key})).status_code == 403
        assert (await client.get("/v1/grid", headers={"Authorization": "Bearer *"})).status_code == 401


async def test_a_write_key_of_the_sources_file_is_answered_the_same(
    config: ServeConfig, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("wk_live_in_a_file\n")
    digest = hashlib.sha256(b"wk_live_by_digest").hexdigest()
    path = tmp_path / "sources.yml"
    keys = f"{{env: KEY}}, {{file: key}}, 'sha256:{digest}', wk_live_clear"
    path.write_text(f"site: {{keys: [{keys}], ids: {{snowplow: [shop, '*']}}, ip: hash}}\n")
    app = create_app(replace(config, sources=path, environment={"KEY": "wk_live_of_a_variable"}))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=_BASE) as client:
        for key in (
            "wk_live_of_a_variable",
            "wk_live_in_a_file",
            "wk_live_by_digest",
            "wk_live_clear",
            "shop",
            "snowplow:shop",
        ):
            answer = await client.get("/v1/grid", headers={"Authorization": f"Bearer {key}"})
            assert (answer.status_code, answer.json()["error"]) == (403, ANOTHER_KIND)
            answer = await client.post("/v1/session", json={"key": key})
            assert (answer.status_code, answer.json()["error"]) == (403, ANOTHER_KIND)
        for key in ("wk_live_other", "*", f"sha256:{digest}", digest):
            answer = await client.get("/v1/grid", headers={"Authorization": f"Bearer {key}"})
            assert answer.status_code == 401
        answer = await client.get("/v1/grid", headers={"Authorization": f"Bearer {_KEY}"})
        assert answer.status_code == 200


def test_keys_that_come_into_the_sources_file_and_a_file_that_is_wrong(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, now = tmp_path / "sources.yml", [0.0]
    keys = WriteKeys(["wk-flat"], path, clock=lambda: now[0])
    assert keys.knows("wk-flat")
    assert not keys.knows("wk_live_first")
    assert "401 here, not 403" in caplog.text
    for text, known in (("{keys: [wk_live_first]}", True), ("{keys: [wk_live_second]}", False)):
        path.write_text(f"site: {text}\n")
        now[0] += 3
        assert keys.knows("wk_live_first") is known
    path.write_text("site: {keys: [{env: NOT_SET}]}\n")
    now[0] += 3
    assert keys.knows("wk_live_second")  # as the gateway, which lets the old ones stand
    assert keys.knows("wk-flat") and not keys.knows("")


async def test_each_key_reads(client: httpx.AsyncClient) -> None:
    for key in (_KEY, "rk-2"):
        answer = await client.get("/v1/grid", headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == 200
        assert answer.json()["grid"] == "tests"


async def test_a_key_is_exchanged_for_a_cookie(client: httpx.AsyncClient) -> None:
    assert (await client.post("/v1/session", json={"key": "rk-wrong"})).status_code == 401
    opened = await client.post("/v1/session", json={"key": _KEY})
    assert opened.status_code == 200
    cookie = opened.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "secure" in cookie
    assert _KEY not in opened.headers["set-cookie"]
    assert (await client.get("/v1/grid")).status_code == 200
    client.cookies.clear()
    assert (await client.get("/v1/grid")).status_code == 401


async def test_signing_out_takes_the_cookie_back(client: httpx.AsyncClient) -> None:
    await client.post("/v1/session", json={"key": _KEY})
    assert (await client.delete("/v1/session")).status_code == 204
    assert (await client.get("/v1/grid")).status_code == 401


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"key": 7}', b'{"k": "x"}', b"\xff", b'{"key": "\xff"}', b"[" * 1500]
)
async def test_a_wrong_sign_in_is_told(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/v1/session", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]


async def test_a_session_ends_with_its_time_and_with_its_key(client: httpx.AsyncClient) -> None:
    opened = await client.post("/v1/session", json={"key": _KEY})
    cookie = opened.cookies[COOKIE]
    request = httpx.Request("GET", _BASE, headers={"Cookie": f"{COOKIE}={cookie}"})

    def admitted(sessions: Sessions) -> bool:
        headers = [(b"cookie", request.headers["cookie"].encode())]
        return sessions.admits(HTTPConnection({"type": "http", "headers": headers}))

    assert admitted(Sessions((_KEY,)))
    assert not admitted(Sessions(("rk-2",)))
    assert not admitted(Sessions((_KEY,), wall=lambda: 9e12))


async def test_another_site_cannot_use_somebodys_cookie(client: httpx.AsyncClient) -> None:
    await client.post("/v1/session", json={"key": _KEY})
    foreign = {"Sec-Fetch-Site": "cross-site"}
    answer = await client.post("/v1/alerts/x/answer", json={"answer": "wrong"}, headers=foreign)
    assert answer.status_code == 403
    own = await client.post(
        "/v1/alerts/x/answer", json={"answer": "wrong"}, headers={"Sec-Fetch-Site": "same-origin"}
    )
    assert own.status_code == 503


@pytest.mark.parametrize(
    "path", ["/", "/leads/u-1", "/alerts", "/login", "/v1/leads", "/healthz", "/nothing", "/static/"]
)
async def test_every_answer_tells_browsers_to_load_nothing_else(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"


async def test_pages_are_behind_a_sign_in(client: httpx.AsyncClient) -> None:
    login = (await client.get("/login")).text
    assert (await client.get("/login")).status_code == 200
    for path in ("/", "/alerts", "/leads/u-1", "/leads/a%2Fb"):
        answer = await client.get(path)
        assert answer.status_code == 401
        assert answer.text == login
    await client.post("/v1/session", json={"key": _KEY})
    pages = [(await client.get(path)).text for path in ("/", "/alerts", "/leads/u-1")]
    assert len({*pages, login}) == 4
    assert (await client.get("/leads/a%2Fb")).text == pages[2]


async def test_static_files_stay_in_their_folder(client: httpx.AsyncClient) -> None:
    assert (await client.get("/static/js/api.js")).status_code == 200
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2f..%2fapp.py"):
        assert (await client.get(path)).status_code == 404


async def test_what_needs_no_key(client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz")).status_code == 200
    assert "leadheat_http_requests_total" in (await client.get("/metrics")).text
    assert (await client.get("/openapi.json")).json()["openapi"] == "3.1.0"


async def test_without_a_store_it_is_unready_and_says_so(client: httpx.AsyncClient) -> None:
    ready = await client.get("/readyz")
    assert ready.status_code == 503
    assert "the cache does not answer" in ready.json()["reason"]
    leads = await client.get("/v1/leads", headers={"Authorization": f"Bearer {_KEY}"})
    assert leads.status_code == 503
    assert "the cache does not answer" in leads.json()["error"]


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/v1/leads/a", "/v1/leads/{id}"),
        ("/v1/leads/a/timeline", "/v1/leads/{id}/timeline"),
        ("/v1/leads/a%2Fb/curve", "/v1/leads/{id}/curve"),
        ("/v1/accounts/acme.fr", "/v1/accounts/{id}"),
    ],
)
async def test_requests_are_counted_by_the_path_of_the_description(
    client: httpx.AsyncClient, path: str, template: str
) -> None:
    labels = {"route": template, "code": "401"}
    before = REGISTRY.get_sample_value("leadheat_http_requests_total", labels) or 0
    await client.get(path)
    assert REGISTRY.get_sample_value("leadheat_http_requests_total", labels) == before + 1


@pytest.mark.parametrize(
    ("path", "raw", "found"),
    [
        ("/v1/leads/a/timeline", b"/v1/leads/a/timeline", "a"),
        ("/v1/leads/a/b/timeline", b"/v1/leads/a%2Fb/timeline", "a/b"),
        ("/v1/leads/a/timeline", b"/v1/leads/a%2Ftimeline", None),
        ("/v1/leads/a/timeline/timeline", b"/v1/leads/a%2Ftimeline/timeline", "a/timeline"),
        ("/v1/leads/a/timeline", None, "a"),
    ],
)
def test_an_identity_may_end_as_a_route_does(path: str, raw: bytes | None, found: str | None) -> None:
    route = BelowRoute("/v1/leads/{id:identity}/timeline", lambda _: None)
    scope = {"type": "http", "method": "GET", "path": path, "root_path": "", "raw_path": raw}
    match, told = route.matches(scope)
    assert (match is Match.FULL) == (found is not None)
    assert told.get("path_params", {}).get("id") == found


async def test_a_wrong_method_is_told(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/leads", headers={"Authorization": f"Bearer {_KEY}"})
    assert answer.status_code == 405
    assert answer.json()["error"]


def test_it_refuses_to_start_without_a_key_or_with_a_wrong_grid(config: ServeConfig) -> None:
    with pytest.raises(ConfigError, match="read key"):
        create_app(replace(config, read_keys=()))
    config.grid.write_text("grid: 7")
    with pytest.raises(GridError):
        create_app(config)
