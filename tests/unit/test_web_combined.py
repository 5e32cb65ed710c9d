"""One port for two applications: each request reaches the one that has a route for it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from deploy.web import Combined


def _application(
    name: str, paths: Mapping[str, str], ready: int = 200, folder: Path | None = None
) -> Starlette:
    started: list[str] = []

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[Mapping[str, str]]:
        started.append(name)
        yield {"of": name}
        started.clear()

    async def answer(request: Request) -> Response:
        return JSONResponse({"by": name, "state": request.state.of, "started": started})

    async def readiness(_: Request) -> Response:
        return JSONResponse({"by": name}, ready)

    async def description(_: Request) -> Response:
        return JSONResponse({"openapi": "3.1.0", "paths": {path: {"by": name} for path in paths}})

    routes: list[Route | Mount] = [Route(path, answer, methods=[method]) for path, method in paths.items()]
    routes += [Route("/readyz", readiness), Route("/openapi.json", description)]
    if folder is not None:
        routes.append(Mount("/", StaticFiles(directory=folder, html=True)))
    return Starlette(routes=routes, lifespan=lifespan)


@asynccontextmanager
async def _client(gateway: Starlette, reader: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    combined = Combined([gateway, reader])
    transport = httpx.ASGITransport(combined)
    async with (
        combined.lifespan(),
        httpx.AsyncClient(transport=transport, base_url="http://leadheat") as client,
    ):
        yield client


@pytest.fixture
def board(tmp_path: Path) -> Path:
    (tmp_path / "index.html").write_text("<h1>board</h1>")
    return tmp_path


async def test_each_path_reaches_its_application_started_and_with_its_state(board: Path) -> None:
    gateway = _application("gateway", {"/v1/events": "POST"})
    async with _client(gateway, _application("reader", {"/v1/leads": "GET"}, folder=board)) as client:
        assert (await client.post("/v1/events")).json() == {
            "by": "gateway",
            "state": "gateway",
            "started": ["gateway"],
        }
        assert (await client.get("/v1/leads")).json() == {
            "by": "reader",
            "state": "reader",
            "started": ["reader"],
        }
        assert (await client.get("/")).text == "<h1>board</h1>"


async def test_a_wrong_method_is_told_by_the_application_that_has_the_path(board: Path) -> None:
    gateway = _application("gateway", {"/v1/events": "POST"})
    async with _client(gateway, _application("reader", {"/v1/leads": "GET"}, folder=board)) as client:
        answer = await client.get("/v1/events")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_ready_only_when_both_are() -> None:
    async with _client(_application("gateway", {}), _application("reader", {})) as client:
        assert (await client.get("/readyz")).status_code == 200
    async with _client(_application("gateway", {}), _application("reader", {}, ready=503)) as client:
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()) == (503, {"by": "reader"})
        assert (await client.get("/healthz")).status_code == 200


async def test_one_description_holds_the_paths_of_both() -> None:
    gateway = _application("gateway", {"/v1/events": "POST", "/i": "GET"})
    async with _client(gateway, _application("reader", {"/v1/leads": "GET", "/i": "GET"})) as client:
        paths = (await client.get("/openapi.json")).json()["paths"]
    assert paths == {"/v1/events": {"by": "gateway"}, "/i": {"by": "gateway"}, "/v1/leads": {"by": "reader"}}


async def test_metrics_are_for_prometheus() -> None:
    async with _client(_application("gateway", {}), _application("reader", {})) as client:
        answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "python_info" in answer.text
