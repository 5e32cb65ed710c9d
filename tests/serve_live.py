"""A read API for tests as it runs in earnest: uvicorn, embedded broker and store, the real scoring behind."""

import asyncio
import json
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import httpx
import redis
import uvicorn
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from connectors.serve.app import create_app
from connectors.serve.config import ServeConfig
from connectors.serve.facts import PARKED
from deploy import leash
from deploy.embedded import store
from deploy.ports import free_ports
from scorer import handover
from scorer.event import key_of
from scorer.grid import load_grid
from scorer.messages import Record
from scorer.partitioner import partition_of
from scorer.plan import Plan
from scorer.shard import Shard
from scorer.times import SECOND, Micros, parse_time
from scorer.topics import (
    ACCOUNTS,
    ALERTS,
    DELIVERIES,
    ERASURES,
    HANDOVER,
    IN_TOPICS,
    SCORES,
    TASKS,
    full_name,
    topic_of,
)
from tests.kafka_fixtures import EmbeddedBroker

KEY: Final = "rk-of-the-tests"
LINK_KEY: Final = "what links are signed with"
PARTITIONS: Final = 2
START: Final = parse_time("2026-11-01T09:00:00Z")
_PATIENCE_S: Final = 30.0
GRID: Final = """
grid: tests
version: 1
timezone: Europe/Paris
scores:
  fit: {min: -50, max: 60}
  engagement: {min: 0, max: 100}
half_life: 14d
criteria:
  - {id: boss, label: {fr: "Décideur", en: "Boss"}, score: fit, points: 20, lead: {title: {words: [ceo]}}}
  - {id: pricing, score: engagement, points: 10, event: page_view, half_life: 7d, max: 60,
     where: {url.path: {glob: /pricing*}}}
  - {id: guide, score: engagement, points: 8, event: download}
  - {id: silent, score: engagement, points: -15, absent: {for: 30d}}
tiers:
  - {id: cold}
  - {id: warm, from: 30}
  - {id: hot, from: 60, requires: {fit: 10}}
hysteresis: 5
plays:
  - {id: call-now, when: {enters: hot}, do: [{alert: sales}]}
  - {id: warmed, when: {enters: warm}, do: [{alert: sales}]}
"""


class SetClock:
    """A clock that shows what it was set to."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> Micros:
        return self.now

    def pass_seconds(self, seconds: float) -> None:
        self.now = Micros(self.now + int(seconds * SECOND))


class Store:
    """A Valkey of the test's own, that can be stopped and started again, empty."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.url = store.url(folder)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            leash.command(store.command(self._folder)), stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            try:
                if self.client().ping():
                    return
            except redis.exceptions.RedisError:
                time.sleep(0.02)
        raise TimeoutError("the embedded store did not start")

    def client(self) -> Any:
        return redis.Redis.from_url(self.url, decode_responses=True)

    def signal(self, number: signal.Signals) -> None:
        """Sends it a signal: it may be stopped for a while, as where its disk or machine stalls."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def running_store(folder: Path) -> Iterator[Store]:
    """A store that ends with the test."""
    folder.chmod(0o700)
    one = Store(folder)
    try:
        one.start()
        yield one
    finally:
        one.kill()


@dataclass
class Scored:
    """Topics of the test's own, with the real shards that turn what is published into scores and alerts."""

    bootstrap: str
    prefix: str
    clock: SetClock
    producer: AIOKafkaProducer
    shards: list[Shard]
    ends: dict[str, int] = field(default_factory=dict)
    """The next offset of each partition, as `topic:partition`."""
    _handed: list[int] = field(default_factory=lambda: [0] * PARTITIONS)

    async def publish(self, *events: dict[str, Any]) -> None:
        """Publishes events, as arriving at the clock's moment or at their own later time, and scores them."""
        for event in events:
            own = parse_time(event["time"]) if "time" in event else self.clock.now
            arrival = max(own, self.clock.now) // 1000 * 1000
            key, value = key_of(event).encode(), json.dumps(event).encode()
            topic = topic_of(event["type"])
            partition, offset = await self.send(topic, key, value, arrival)
            record = Record(topic, partition, offset, arrival, key, value)
            self.shards[partition].receive([record])
            await self._pump()

    async def pass_time(self) -> None:
        """Lets the leads change by time alone, up to the clock's moment."""
        for shard in self.shards:
            shard.advance(self.clock.now)
        await self._pump()

    async def order(self, identity: str, message: handover.Message) -> None:
        """Gives an order to an id, as `leadheat erase` does."""
        key = identity.encode()
        at = partition_of(key, PARTITIONS)
        self._handed[at] += 1
        value = handover.encode(message)
        self.shards[at].receive([Record(HANDOVER, at, self._handed[at], self.clock.now, key, value)])
        await self._pump()

    async def send(
        self,
        topic: str,
        key: bytes,
        value: bytes | None,
        arrival: int,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> tuple[int, int]:
        """Publishes a record; its partition and offset."""
        sent = await self.producer.send_and_wait(
            full_name(self.prefix, topic),
            value=value,
            key=key,
            timestamp_ms=arrival // 1000,
            headers=list(headers),
        )
        self.ends[f"{topic}:{sent.partition}"] = sent.offset + 1
        return sent.partition, sent.offset

    async def _pump(self) -> None:
        busy = True
        while busy:
            busy = False
            for shard in self.shards:
                changes = shard.flush()
                for one in changes.scores:
                    await self.send(one.topic, one.key, one.value, one.timestamp, one.headers)
                for one in changes.outbox:
                    busy = True
                    if one.topic == HANDOVER:
                        at = partition_of(one.key, PARTITIONS)
                        self._handed[at] += 1
                        told = Record(HANDOVER, at, self._handed[at], one.timestamp, one.key, one.value)
                        self.shards[at].receive([told])
                    else:
                        await self.send(one.topic, one.key, one.value, one.timestamp)
                shard.settle()

    async def landed(self, topic: str, count: int) -> list[dict[str, Any]]:
        """The first so many records of a topic, parsed, with their keys under `//key`."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, enable_auto_commit=False)
        await consumer.start()
        try:
            parts = [TopicPartition(full_name(self.prefix, topic), one) for one in range(PARTITIONS)]
            consumer.assign(parts)
            await consumer.seek_to_beginning(*parts)
            found: list[dict[str, Any]] = []
            deadline = time.monotonic() + _PATIENCE_S
            while len(found) < count and time.monotonic() < deadline:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found += [{**json.loads(one.value), "//key": one.key.decode()} for one in records]
            assert len(found) == count
            return found
        finally:
            await consumer.stop()


_NAMES: Final = (*IN_TOPICS, SCORES, ALERTS, ERASURES, ACCOUNTS, DELIVERIES, TASKS, PARKED)
_counter = iter(range(1_000_000))


@asynccontextmanager
async def scored(on: EmbeddedBroker, grid: Path, partitions: int = PARTITIONS) -> AsyncIterator[Scored]:
    """Empty topics and shards."""
    prefix = f"serve{next(_counter)}"
    admin = AIOKafkaAdminClient(bootstrap_servers=on.bootstrap)
    await admin.start()
    names = [full_name(prefix, topic) for topic in _NAMES]
    await admin.create_topics([NewTopic(name, partitions, 1) for name in names])
    await admin.close()
    plan = Plan(load_grid(grid))
    shards = [Shard(plan, {}, one, partitions) for one in range(partitions)]
    producer = AIOKafkaProducer(bootstrap_servers=on.bootstrap, acks="all")
    await producer.start()
    try:
        yield Scored(on.bootstrap, prefix, SetClock(), producer, shards)
    finally:
        await producer.stop()


@dataclass
class Reading:
    """A running read API and a client that holds a read key."""

    client: httpx.AsyncClient
    config: ServeConfig
    app: Any

    @property
    def url(self) -> str:
        return str(self.client.base_url).rstrip("/")

    async def get(self, path: str, **params: Any) -> Any:
        """What a path answers; fails unless that is 200."""
        answer = await self.client.get(path, params=params)
        assert answer.status_code == 200, (answer.status_code, answer.text)
        return answer.json()

    async def caught_up(self, topics: Scored) -> None:
        """Returns once the cache is whole and holds everything that was published through `topics`."""
        cache = redis.Redis.from_url(self.config.redis, decode_responses=True)
        name = self.config.topic_prefix

        def reached() -> bool:
            offsets = cache.hgetall(f"{name}:offsets")
            read = all(int(offsets.get(place, 0)) >= end for place, end in topics.ends.items())
            return read and cache.get(f"{name}:built") is not None

        await eventually(reached)


@asynccontextmanager
async def reading(topics: Scored, cache: Store, grid: Path, **settings: Any) -> AsyncIterator[Reading]:
    """A read API on these topics and this store."""
    config = ServeConfig(topics.bootstrap, topics.prefix, cache.url, (KEY, "rk-other"), grid, topics.clock)
    config = replace(config, link_keys=(LINK_KEY,), **settings)
    app = create_app(config)
    server = uvicorn.Server(
        uvicorn.Config(
            app, port=free_ports(1)[0], log_config=None, access_log=False, timeout_graceful_shutdown=5
        )
    )
    serving = asyncio.create_task(server.serve())
    try:
        await eventually(lambda: server.started or serving.done())
        assert server.started
        headers = {"Authorization": f"Bearer {KEY}"}
        base = f"http://127.0.0.1:{server.config.port}"
        async with httpx.AsyncClient(base_url=base, timeout=_PATIENCE_S, headers=headers) as client:
            yield Reading(client, config, app)
    finally:
        app.state.end_streams()
        server.should_exit = True
        await serving


async def eventually(holds: Callable[[], Any]) -> Any:
    """The first true answer; fails after half a minute."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        found = holds()
        found = await found if asyncio.iscoroutine(found) else found
        if found:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"{holds} did not hold within {_PATIENCE_S} s")


def page_view(number: int, path: str = "/pricing", **fields: Any) -> dict[str, Any]:
    """A view of a page by somebody."""
    url = f"https://leadheat.example{path}"
    properties = {"url": url, "title": f"Page {path}"}
    return {"id": f"v{number}", "type": "page_view", "properties": properties, **fields}


def identify(number: int, lead: str, anonymous: str | None = None, **traits: Any) -> dict[str, Any]:
    """Says who somebody is."""
    found = {"id": f"i{number}", "type": "identify", "lead_id": lead, "traits": traits}
    return found if anonymous is None else {**found, "anonymous_id": anonymous}
