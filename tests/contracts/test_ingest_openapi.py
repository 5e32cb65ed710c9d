"""The OpenAPI document says of the gateway what the gateway is."""

import json
import re

import httpx
from starlette.routing import Route

from connectors.ingest.config import GatewayConfig
from connectors.ingest.gateway import create_app
from connectors.ingest.openapi import document
from scorer.times import Micros

APP = create_app(GatewayConfig("127.0.0.1:1", "leadheat", ("wk",), lambda: Micros(0)))


def test_every_route_is_described_and_nothing_else() -> None:
    routes = {
        (route.path, method.lower())
        for route in APP.routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    described = {(path, method) for path, item in document()["paths"].items() for method in item}
    assert described == routes


def test_every_schema_is_there_and_used() -> None:
    found = document()
    references = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(found)))
    assert references == set(found["components"]["schemas"])


def test_every_path_says_which_key_it_wants() -> None:
    for path, item in document()["paths"].items():
        for operation in item.values():
            assert "security" in operation, path


def test_schemes_that_paths_ask_for_exist() -> None:
    found = document()
    asked = {
        name
        for item in found["paths"].values()
        for operation in item.values()
        for one in operation.get("security", [])
        for name in one
    }
    assert asked == set(found["components"]["securitySchemes"])


def test_parameters_of_a_path_are_described() -> None:
    for path, item in document()["paths"].items():
        named = set(re.findall(r"{(\w+)}", path))
        for operation in item.values():
            assert {one["name"] for one in operation.get("parameters", [])} == named


async def test_is_served() -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(APP), base_url="http://gateway") as client:
        answer = await client.get("/openapi.json")
    assert answer.json() == document()
    assert answer.json()["openapi"] == "3.1.0"
