"""A gateway for tests as it runs in earnest: uvicorn on a free port, a real broker process behind it."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import httpx
import uvicorn
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from connectors.ingest.config import GatewayConfig
from connectors.ingest.gateway import create_app
from deploy.patience import PatientProtocol
from deploy.ports import free_ports
from scorer.times import Micros
from scorer.topics import FAILED, IN_TOPICS, full_name
from tests.kafka_fixtures import EmbeddedBroker

KEY: Final = "wk-of-the-tests"
PARTITIONS: Final = 4
_PATIENCE_S: Final = 30.0

CAPTURES: Final = Path(
    os.environ.get("LEADHEAT_CAPTURES") or Path(__file__).parents[2] / "shared" / "captures"
)


class SetClock:
    """A clock that shows what it was set to, else the wall's time."""

    def __init__(self) -> None:
        self.now: Micros | None = None

    def __call__(self) -> Micros:
        return Micros(time.time_ns() // 1000) if self.now is None else self.now


class Broker(EmbeddedBroker):
    """An embedded broker that can also hang."""

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)


async def create_topics(address: str, prefix: str) -> None:
    """Makes the topics that a gateway writes to."""
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    names = [full_name(prefix, topic) for topic in (*IN_TOPICS, FAILED)]
    await admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in names])
    await admin.close()


@dataclass
class Live:
    """A running gateway, a client for it, and what lands in the topics behind it."""

    client: httpx.AsyncClient
    config: GatewayConfig
    clock: SetClock
    server: uvicorn.Server

    @property
    def url(self) -> str:
        return str(self.client.base_url).rstrip("/")

    async def post(self, events: Any, key: str = KEY, **more: Any) -> httpx.Response:
        return await self.client.post(
            "/v1/events", json=events, headers={"Authorization": f"Bearer {key}"}, **more
        )

    async def landed(self, topics: Iterable[str] = (*IN_TOPICS, FAILED)) -> list[Any]:
        """Every record in the topics, as aiokafka gives it."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.config.kafka, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            ends = await consumer.end_offsets(
                TopicPartition(full_name(self.config.topic_prefix, topic), partition)
                for topic in topics
                for partition in range(PARTITIONS)
            )
            used = [partition for partition, end in ends.items() if end]  # the end itself it gets wrong
            consumer.assign(used)
            found: list[Any] = []
            deadline = time.monotonic() + _PATIENCE_S
            while not all([await _read_up(consumer, one) for one in used]):
                assert time.monotonic() < deadline
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found += records
            return found
        finally:
            await consumer.stop()

    async def events(self) -> list[dict[str, Any]]:
        """Every event in the in-topics, its topic's short name under `//topic`, by time and type."""
        records = await self.landed(IN_TOPICS)
        found = [{**json.loads(one.value), "//topic": one.topic.rpartition(".")[2]} for one in records]
        return sorted(found, key=lambda event: (event.get("time", ""), event["type"], str(event["id"])))


async def _read_up(consumer: AIOKafkaConsumer, partition: TopicPartition) -> bool:
    end = consumer.highwater(partition)
    return end is not None and await consumer.position(partition) >= end


async def eventually(holds: Callable[[], Any]) -> None:
    """Returns once the condition holds; fails after half a minute."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        found = holds()
        if await found if asyncio.iscoroutine(found) else found:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{holds} did not hold within {_PATIENCE_S} s")


@contextmanager
def running_broker() -> Iterator[Broker]:
    """A broker that ends with the test."""
    one = Broker()
    try:
        one.start()
        yield one
    finally:
        one.kill()


_counter = iter(range(1_000_000))


@asynccontextmanager
async def live_gateway(address: str, *, topics: bool = True, **settings: Any) -> AsyncIterator[Live]:
    """A gateway on topics of its own."""
    clock = SetClock()
    config = GatewayConfig(address, f"t{next(_counter)}", (KEY,), clock)
    config = replace(config, **settings)
    if topics:
        await create_topics(address, config.topic_prefix)
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(config), port=free_ports(1)[0], http=PatientProtocol, log_config=None, access_log=False
        )
    )
    serving = asyncio.create_task(server.serve())
    try:
        await eventually(lambda: server.started or serving.done())
        assert server.started
        base = f"http://127.0.0.1:{server.config.port}"
        async with httpx.AsyncClient(base_url=base, timeout=_PATIENCE_S) as client:
            if topics:
                await eventually(lambda: _ready(client))
            yield Live(client, config, clock, server)
    finally:
        server.should_exit = True
        await serving


async def _ready(client: httpx.AsyncClient) -> bool:
    return (await client.get("/readyz")).status_code == 200


async def broker_answers(address: str) -> bool:
    """Whether a Kafka client gets metadata there."""
    admin = AIOKafkaAdminClient(bootstrap_servers=address, request_timeout_ms=2_000)
    try:
        await admin.start()
    except KafkaError:
        return False
    finally:
        await admin.close()
    return True
