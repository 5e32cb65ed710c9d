"""Says which processes `leadheat up` runs, with which settings, and what each lives on."""

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

from deploy import disk, ports, settings
from deploy.child import Child
from deploy.durable import Durable
from deploy.embedded import broker, store
from deploy.kafka import node

_ROLES: Final = ("worker", "web", "notify", "accounts")
_STOP_TIMEOUT_S: Final = 2  # of open board streams; somebody who pressed Ctrl-C waits for it
_ASK_WITHIN_S: Final = 2.0
_KAFKA_READY_WITHIN_S: Final = 600.0  # after a power cut it reads what it was writing then
_KAFKA_STOPS_WITHIN_S: Final = 30.0  # some two seconds here; a slow disk takes longer
_SNAPSHOT_WITHIN_S: Final = 30.0  # some gigabytes, on a slow disk


@dataclass(frozen=True)
class Machine:
    """Everything on one machine: what is embedded, where it listens, what it is told."""

    kafka: str
    redis: str = field(repr=False)
    embedded_kafka_port: int | None  # None: a real Kafka was named
    embedded_store: bool
    host: str
    port: int
    grid: Path
    channels: Path | None
    write_keys: tuple[str, ...] = field(repr=False)
    read_keys: tuple[str, ...] = field(repr=False)
    link_keys: tuple[str, ...] = field(repr=False)
    partitions: int
    session_timeout_s: float
    folder: Path
    sequences: Path | None = None
    team: Path | None = None
    gateway_url: str | None = None
    sync: Path | None = None
    timescale: str | None = None
    demo: bool = False
    columns: int | None = None  # of the terminal, if there is one
    durable: Durable | None = None  # then the embedded Kafka is a real one, and keeps everything

    @property
    def url(self) -> str:
        """Where this machine's own browser reaches it."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)  # noqa: S104
        return f"http://{host}:{self.port}"

    @property
    def metrics_folder(self) -> Path:
        """Where the children share their metrics."""
        return self.folder / "metrics"

    @property
    def store_folder(self) -> Path:
        """Where the embedded store keeps its socket."""
        if self.durable is not None and store.fits(self.durable.folder.store):
            return self.durable.folder.store
        return self.folder / "store"


def children(machine: Machine, restore_topics: Callable[[], Awaitable[None]]) -> list[Child]:
    """All children in the order in which they start; `restore_topics` makes the topics of an empty broker."""
    optional = {
        "nurture": machine.sequences is not None,
        "sync": machine.sync is not None,
        "demo": machine.demo,
    }
    above = (*_ROLES, *(name for name, wanted in optional.items() if wanted))
    found = []
    if machine.durable is not None:
        found.append(_kafka(machine.durable, restore_topics))
    elif machine.embedded_kafka_port is not None:
        feeds = (*(("store",) if machine.embedded_store else ()), *above)
        found.append(_broker(machine.embedded_kafka_port, feeds, restore_topics))
    if machine.embedded_store:
        found.append(_store(machine.store_folder, machine.durable))
    environment = _environment(machine)
    for name, module, *arguments in (
        ("worker", "deploy.cli", "worker"),
        ("web", "deploy.web"),
        ("notify", "deploy.cli", "notify"),
        ("accounts", "deploy.cli", "accounts"),
        *((("nurture", "deploy.cli", "nurture"),) if machine.sequences else ()),
        *((("sync", "deploy.cli", "sync"),) if machine.sync else ()),
    ):
        ready = (lambda: _answers(f"{machine.url}/healthz")) if name == "web" else None
        found.append(Child(name, _python(module, *arguments), environment, ready=ready))
    if machine.demo:
        found.append(Child("demo", _python("deploy.demo.player", machine.url), environment, once=True))
    return found


def _broker(port: int, feeds: tuple[str, ...], restore_topics: Callable[[], Awaitable[None]]) -> Child:
    return Child(
        "broker",
        broker.command(port),
        settings.child_environment(),
        ready=lambda: _connects(asyncio.open_connection(broker.HOST, port)),
        feeds=feeds,
        restore=restore_topics,
        loss="the embedded broker kept everything in memory: all events, scores and alerts so far are gone",
        quiet=True,
    )


def _kafka(durable: Durable, restore_topics: Callable[[], Awaitable[None]]) -> Child:
    """The others find it again by themselves when it comes back: what they live on is on the disk."""
    folder, kafka = durable.folder, durable.node
    return Child(
        "kafka",
        kafka.command(),
        settings.child_environment(),
        ready=lambda: asyncio.to_thread(ports.answers_as_kafka, node.HOST, kafka.port),
        restore=restore_topics,
        quiet=True,
        outlasts=True,
        log=kafka.log,
        holds=(folder.lock,),
        ready_within_s=_KAFKA_READY_WITHIN_S,
        stop_within_s=_KAFKA_STOPS_WITHIN_S,
        explain=lambda: disk.full(folder.path) or f"all that it wrote: {kafka.log}",
    )


def _store(folder: Path, durable: Durable | None) -> Child:
    socket = store.url(folder).removeprefix("unix://")
    if durable is not None:
        return Child(
            "store",
            store.command(folder, durable.folder.store),
            settings.child_environment(),
            ready=lambda: _connects(asyncio.open_unix_connection(socket)),
            feeds=("web",),
            loss="the cache goes on from its last snapshot, and takes what came since from the topics",
            quiet=True,
            holds=(durable.folder.lock,),
            stop_within_s=_SNAPSHOT_WITHIN_S,
        )
    return Child(
        "store",
        store.command(folder),
        settings.child_environment(),
        ready=lambda: _connects(asyncio.open_unix_connection(socket)),
        feeds=("web",),
        loss="the cache is empty: it is built again from the topics",
        quiet=True,
    )


def _environment(machine: Machine) -> dict[str, str]:
    given = settings.child_environment(
        kafka=machine.kafka,
        kafka_security_protocol=None if machine.embedded_kafka_port is None else "PLAINTEXT",
        redis=machine.redis,
        host=machine.host,
        port=machine.port,
        grid=machine.grid,
        channels=machine.channels,
        sequences=machine.sequences,
        team=machine.team,
        gateway_url=machine.gateway_url or machine.url,
        sync=machine.sync,
        write_keys=",".join(machine.write_keys),
        read_keys=",".join(machine.read_keys),
        link_key=",".join(machine.link_keys),
        partitions=machine.partitions,
        session_timeout_s=machine.session_timeout_s,
        metrics_port="",  # all children share the one /metrics
        stop_timeout_s=_STOP_TIMEOUT_S,
        board_url=machine.url,
        timescale=machine.timescale,
    )
    width = {} if machine.columns is None else {"COLUMNS": str(machine.columns)}
    shared = {"PROMETHEUS_MULTIPROC_DIR": str(machine.metrics_folder)}
    return {**given, **shared, **width, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


async def _connects(connection: Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]) -> bool:
    with contextlib.suppress(OSError):
        _, writer = await connection
        writer.close()
        return True
    return False


async def _answers(url: str) -> bool:
    try:
        async with httpx.AsyncClient(timeout=_ASK_WITHIN_S, trust_env=False) as client:
            return (await client.get(url)).status_code == 200
    except httpx.TransportError:
        return False
