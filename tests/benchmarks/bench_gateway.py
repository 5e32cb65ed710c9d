"""Single events over HTTP: a gateway beside a bare server that only reads the body, in one run; and overload.

Each server is one process. The gateway's figures include Kafka's acknowledgement of every event; what it used
of a core is told beside, since client, Kafka and gateway share the machine.
"""

import argparse
import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition
from rich.console import Console
from rich.table import Table

from deploy import leash
from deploy.kafka.cluster import Cluster
from deploy.ports import free_ports
from scorer.topics import PAGE_VIEWS, full_name
from streams import topics
from tests.benchmarks import results
from tests.benchmarks.engines import ROOT
from tests.benchmarks.running import BenchmarkError

PARTITIONS: Final = 8
_PREFIX: Final = "gateway"
_KEY: Final = "wk_benchmark"
_CONNECTIONS: Final = 256
_OVERLOAD: Final = 5
"""Times as many requests at once as the gateway lets wait for Kafka."""
_AT_ONCE: Final = 100
_WITHIN_S: Final = 60.0
_HEAD: Final = (
    b"POST /v1/events HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n"
)


@dataclass(frozen=True)
class Server:
    """A measured process."""

    name: str
    port: int
    process: "subprocess.Popen[bytes]"

    def cpu_s(self) -> float:
        """What it has used of the processor."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Clients:
    """Connections, each of which sends its next event as soon as the one before is answered."""

    def __init__(self, port: int, run: str) -> None:
        self._port = port
        self._run = run
        self.seconds: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.accepted: set[str] = set()

    async def send(self, connections: int, each: int) -> None:
        """Sends `each` events on every connection."""
        async with asyncio.timeout(_WITHIN_S):
            await asyncio.gather(*(self._connection(number, each) for number in range(connections)))

    async def _connection(self, number: int, each: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        for turn in range(each):
            name = f"{self._run}-{number}-{turn}"
            event = {"id": name, "type": "page_view", "lead_id": f"u-{number}"}
            body = msgspec.json.encode({**event, "properties": {"url": "https://acme.example/"}})
            began = time.perf_counter()
            writer.write(_HEAD % (_KEY.encode(), len(body)) + body)
            status = await _answer(reader)
            self.seconds.append(time.perf_counter() - began)
            self.statuses[status] += 1
            if status == 200:
                self.accepted.add(name)
        writer.close()

    def share_ms(self, share: int) -> float:
        """The time under which so many of a hundred answers came."""
        times = sorted(self.seconds)
        return times[min(len(times) * share // 100, len(times) - 1)] * 1_000


async def _answer(reader: asyncio.StreamReader) -> int:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
    await reader.readexactly(int(length))
    return int(head[9:12])


@contextlib.contextmanager
def served(name: str, arguments: list[str], settings: dict[str, str], folder: Path) -> Iterator[Server]:
    """A server, once it answers."""
    (port,) = free_ports(1)
    environment = os.environ | settings | {"LEADHEAT_PORT": str(port)}
    with (folder / f"{name}.log").open("wb") as log:
        command = leash.command([sys.executable, "-m", *arguments])
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        _wait(process, port)
        yield Server(name, port, process)
    finally:
        process.terminate()
        process.wait(20)


def _wait(process: "subprocess.Popen[bytes]", port: int) -> None:
    import httpx

    deadline = time.monotonic() + _WITHIN_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).status_code == 200:
                return
        time.sleep(0.05)
    raise BenchmarkError("the server does not answer")


def measure(server: Server, events: int) -> dict[str, Any]:
    """Closed loops on some connections: how many a second, and how long each takes."""
    asyncio.run(Clients(server.port, "warm").send(_CONNECTIONS, 5))
    clients = Clients(server.port, server.name)
    began, used = time.perf_counter(), server.cpu_s()
    asyncio.run(clients.send(_CONNECTIONS, events // _CONNECTIONS))
    wall_s, used = time.perf_counter() - began, server.cpu_s() - used
    if set(clients.statuses) != {200}:
        raise BenchmarkError(f"{server.name} answered {dict(clients.statuses)}")
    sent = len(clients.seconds)
    shares = {f"p{share}": clients.share_ms(share) for share in (50, 99)}
    return {"server": server.name, "rate": sent / wall_s, "cpu_us": used / sent * 1e6} | shares


async def overload(server: Server, kafka: str, each: int) -> dict[str, Any]:
    """Many more requests at once than may wait: their answers, and that what was accepted is there."""
    clients = Clients(server.port, "overload")
    await clients.send(_OVERLOAD * _AT_ONCE, each)
    lost = clients.accepted - await _landed(kafka)
    if lost:
        raise BenchmarkError(f"{len(lost)} events were accepted and are not in Kafka")
    if strange := set(clients.statuses) - {200, 429, 503}:
        raise BenchmarkError(f"the gateway answered {strange}")
    return {
        "at_once": _OVERLOAD * _AT_ONCE,
        "limit": _AT_ONCE,
        "accepted": clients.statuses[200],
        "refused": clients.statuses[429] + clients.statuses[503],
        "lost": len(lost),
        "p99": clients.share_ms(99),
    }


async def _landed(kafka: str) -> set[str]:
    """The ids of all events in Kafka."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="earliest")
    await consumer.start()
    try:
        parts = [TopicPartition(full_name(_PREFIX, PAGE_VIEWS), number) for number in range(PARTITIONS)]
        consumer.assign(parts)
        ends = await consumer.end_offsets(parts)
        found: set[str] = set()
        while any([await consumer.position(part) < end for part, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found |= {msgspec.json.decode(record.value)["id"] for record in records}
        return found
    finally:
        await consumer.stop()


def run(kafka: str, events: int) -> dict[str, Any]:
    """Bare server and gateway in turn, twice, so that neither has the machine's better half; overload."""
    asyncio.run(topics.ensure(kafka, _PREFIX, PARTITIONS, 1))
    settings = {
        "LEADHEAT_KAFKA": kafka,
        "LEADHEAT_TOPIC_PREFIX": _PREFIX,
        "LEADHEAT_WRITE_KEYS": _KEY,
        "LEADHEAT_LOG_LEVEL": "ERROR",
    }
    bare, gateway = ["tests.benchmarks.programs.bare_server"], ["deploy.cli", "gateway"]
    tight = settings | {"LEADHEAT_REQUESTS_AT_ONCE": str(_AT_ONCE)}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = []
        with served("bare", bare, {}, folder) as one, served("gateway", gateway, settings, folder) as other:
            rows = [measure(server, events // 2) for server in (one, other, one, other)]
        with served("tight", gateway, tight, folder) as server:
            overloaded = asyncio.run(overload(server, kafka, max(1, events // 2_000)))
    return {"events": events, "connections": _CONNECTIONS, "rows": rows, "overload": overloaded}


def tables(found: dict[str, Any]) -> list[Table]:
    """The figures as people read them."""
    speed = Table(title="single events over HTTP")
    for column in ("server", "events/s", "CPU µs an event", "events/s a core", "p50 ms", "p99 ms"):
        speed.add_column(column, justify="right")
    for row in found["rows"]:
        figures = (row["rate"], row["cpu_us"], 1e6 / row["cpu_us"])
        shown = [f"{one:,.0f}" for one in figures] + [f"{row[name]:.1f}" for name in ("p50", "p99")]
        speed.add_row(row["server"], *shown)
    over = Table(title="overload: five times the requests that may wait at once")
    for name in found["overload"]:
        over.add_column(name.replace("_", " "), justify="right")
    over.add_row(*(f"{value:,.0f}" for value in found["overload"].values()))
    return [speed, over]


def main() -> None:
    """Measures, keeps the figures, prints tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="8,000 events to each server, not 40,000")
    given = parser.parse_args()
    with Cluster() as cluster:
        found = run(cluster.bootstrap, 8_000 if given.short else 40_000)
    results.save("gateway", found)
    for one in tables(found):
        Console().print(one)


if __name__ == "__main__":
    main()
