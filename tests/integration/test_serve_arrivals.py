"""`/v1/arrivals`: the newest first of all, then each as it comes, to who has a read key only."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from connectors.serve.app import create_app
from connectors.serve.config import ServeConfig
from deploy import settings
from deploy.ports import free_ports
from scorer.topics import ARRIVALS, full_name
from tests.gateway_live import eventually
from tests.kafka_fixtures import EmbeddedBroker

pytestmark = pytest.mark.embedded
KEY = "rk-of-the-tests"
GRID = Path(__file__).parents[2] / "deploy" / "grids" / "b2b-fr.yml"


@asynccontextmanager
async def serving(bootstrap: str) -> AsyncIterator[tuple[httpx.AsyncClient, uvicorn.Server]]:
    """A read API without a store: arrivals need none."""
    config = ServeConfig(bootstrap, "t", "redis://127.0.0.1:1/0", (KEY,), GRID, settings.wall_clock)
    app = create_app(config)
    server = uvicorn.Server(uvicorn.Config(app, port=free_ports(1)[0], log_config=None, access_log=False))
    running = asyncio.create_task(server.serve())
    try:
        await eventually(lambda: server.started)
        base = f"http://127.0.0.1:{server.config.port}"
        headers = {"Authorization": f"Bearer {KEY}"}
        async with httpx.AsyncClient(base_url=base, headers=headers, timeout=30) as client:
            yield client, server
    finally:
        app.state.end_streams()
        server.should_exit = True
        await running


async def make_topic(bootstrap: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(full_name("t", ARRIVALS), 2, 1)])
    await admin.close()


async def told(lines: AsyncIterator[str], count: int) -> list[Any]:
    found: list[Any] = []
    async for line in lines:
        if line.startswith("data: {") and line != "data: {}":
            found.append(json.loads(line.removeprefix("data: ")))
            if len(found) == count:
                break
    return found


async def test_those_kept_and_then_each_as_it_comes(embedded_kafka: EmbeddedBroker) -> None:
    bootstrap = embedded_kafka.bootstrap
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()

    async def arrive(*numbers: int, hours_ago: float = 0, partition: int = 0) -> None:
        stamp = settings.wall_clock() // 1_000 - int(hours_ago * 3_600_000)
        for number in numbers:
            value = json.dumps({"n": number}).encode()
            await producer.send_and_wait(
                full_name("t", ARRIVALS), value, partition=partition, timestamp_ms=stamp + number
            )

    try:
        async with serving(bootstrap) as (client, _):
            async with client.stream("GET", "/v1/arrivals") as answer:
                assert answer.headers["content-type"].startswith("text/event-stream")
                lines = answer.aiter_lines()
                await make_topic(bootstrap)  # after somebody asked already
                await arrive(1, hours_ago=1.1)
                await arrive(2, hours_ago=0.9)
                assert await told(lines, 1) == [{"n": 2}]
                await arrive(3, partition=1)
                assert await told(lines, 1) == [{"n": 3}]
            async with client.stream("GET", "/v1/arrivals") as answer:
                assert await told(answer.aiter_lines(), 2) == [{"n": 2}, {"n": 3}]
        await arrive(*range(100, 400))
        async with serving(bootstrap) as (client, _), client.stream("GET", "/v1/arrivals") as answer:
            found = [one["n"] for one in await told(answer.aiter_lines(), 51)]
            assert sorted(found) == [3, *range(350, 400)]  # a partition's newest
    finally:
        await producer.stop()


async def test_a_read_key_is_needed_and_a_stop_ends_the_stream(embedded_kafka: EmbeddedBroker) -> None:
    async with serving(embedded_kafka.bootstrap) as (client, server):
        assert (await client.get("/v1/arrivals", headers={"Authorization": ""})).status_code == 401
        assert (await client.head("/v1/arrivals")).status_code == 200
        async with client.stream("GET", "/v1/arrivals") as answer:
            lines = answer.aiter_lines()
            assert await anext(lines) == "event: hello"
            server.config.app.state.end_streams()  # type: ignore[union-attr]
            assert [line async for line in lines][-1:] == [""]
