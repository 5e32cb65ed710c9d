"""What tests of the stream need: a worker as a process of its own, records in and out of topics."""

import json
import secrets
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from deploy import leash
from scorer.residents import names_a_lead
from scorer.topics import IN_TOPICS, full_name
from streams import topics
from streams.config import changelog_name

GRID = Path(__file__).parents[1] / "deploy" / "grids" / "b2b-fr.yml"


@dataclass(frozen=True)
class Rig:
    """A broker, topics of the test's own on it, and workers on those."""

    bootstrap: str
    session_s: float  # the embedded broker takes any, and a join lasts half of it
    folder: Path
    partitions: int = 2
    store: str = "memory"  # or rocksdb: then each worker has a folder of its own, kept over its lives
    prefix: str = field(default_factory=lambda: f"test-{secrets.token_hex(4)}")

    async def make_topics(self) -> None:
        """Creates all topics."""
        await topics.ensure(self.bootstrap, self.prefix, self.partitions, 1)

    def worker(self, *options: str, grid: Path = GRID) -> "WorkerProcess":
        """A worker that is not started, with the counting shard unless `--score` is among the options."""
        told = [self.bootstrap, self.prefix, str(self.partitions), str(grid), str(self.session_s), *options]
        name = f"worker-{secrets.token_hex(4)}"
        if self.store == "rocksdb":
            told += ["--store", str(self.folder / name)]
        return WorkerProcess(told, self.folder / f"{name}.log")

    def read(self, topic: str) -> "TopicReader":
        """A reader of a topic given by its short name."""
        return TopicReader(self.bootstrap, full_name(self.prefix, topic), self.partitions)

    def read_changelog(self) -> "TopicReader":
        """A reader of the states."""
        return TopicReader(self.bootstrap, changelog_name(self.prefix), self.partitions)

    async def produce(self, producer: AIOKafkaProducer, numbers: Sequence[int], leads: int) -> dict[str, int]:
        """Sends an event for each number, over all in-topics; how many each lead got."""
        counts: dict[str, int] = {}
        for number in numbers:
            lead = f"lead-{number * 7919 % leads}"
            topic = IN_TOPICS[number % len(IN_TOPICS)]
            await producer.send(full_name(self.prefix, topic), b"%d" % number, key=lead.encode())
            counts[lead] = counts.get(lead, 0) + 1
        await producer.flush()
        return counts


class WorkerProcess:
    """A worker in a process that can be killed."""

    def __init__(self, arguments: list[str], log: Path) -> None:
        self.options = arguments
        self._command = [sys.executable, "-m", "tests.integration.worker_process", *arguments]
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        assert self._process is not None
        return self._process

    def start(self) -> None:
        """Starts it; `wait_for` its log tells when it scores."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                leash.command(self._command), stdout=log, stderr=log, cwd=Path(__file__).parents[1]
            )

    def said(self, text: str) -> int:
        """How often a text stands in what it wrote so far, in all its lives."""
        return self.log.read_text().count(text) if self.log.exists() else 0

    def wait_for(self, text: str, count: int = 1, within_s: float = 60.0) -> None:
        """Returns once a text was written so often; AssertionError where it was not in time."""
        until(lambda: self.said(text) >= count, within_s, lambda: self.log.read_text()[-3000:])

    def kill(self) -> None:
        """Ends it as a crash of the machine would."""
        self.process.kill()
        self.process.wait()

    def stop(self, within_s: float = 20.0) -> int:
        """Ends it in order; its exit status."""
        self.process.terminate()
        return self.process.wait(within_s)

    def end(self) -> None:
        """Ends it, whatever it does."""
        if self._process is not None and self._process.poll() is None:
            self.kill()


def until(holds: Callable[[], bool], within_s: float, tell: Callable[[], str] = lambda: "") -> None:
    """Returns once a condition holds; AssertionError where it does not in time."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {within_s:g} s\n{tell()}"
        time.sleep(0.02)


@asynccontextmanager
async def producer_to(bootstrap: str) -> AsyncIterator[AIOKafkaProducer]:
    """A producer with Kafka's default partitioner, as the gateway's."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=5)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


class TopicReader:
    """Follows all partitions of a topic from their start, without a group."""

    def __init__(self, bootstrap: str, topic: str, partitions: int) -> None:
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap, enable_auto_commit=False, fetch_max_wait_ms=50
        )
        self._partitions = [TopicPartition(topic, number) for number in range(partitions)]
        self.records: list[Any] = []

    async def __aenter__(self) -> "TopicReader":
        await self._consumer.start()
        self._consumer.assign(self._partitions)
        await self._consumer.seek_to_beginning(*self._partitions)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    async def read(self) -> "TopicReader":
        """Takes in what has come."""
        for fetched in (await self._consumer.getmany(timeout_ms=100)).values():
            self.records += fetched
        return self

    async def read_until(self, holds: Callable[["TopicReader"], bool], within_s: float = 60.0) -> None:
        """Reads until a condition holds; AssertionError where it does not in time."""
        deadline = time.monotonic() + within_s
        while not holds(await self.read()):
            assert time.monotonic() < deadline, f"not within {within_s:g} s; {len(self.records)} records"

    def latest(self) -> dict[str, Any]:
        """The last value of each lead, as JSON."""
        leads = (record for record in self.records if names_a_lead(record.key))
        return {record.key.decode(): json.loads(record.value) for record in leads}
