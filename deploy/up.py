"""`leadheat up`: everything on one machine, from the ports' check to the clean stop."""

import asyncio
import contextlib
import io
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from prometheus_client.multiprocess import mark_process_dead

from deploy import disk, keys, ports, settings, topics
from deploy.children import Machine, children
from deploy.demo.hours import TELLS
from deploy.demo.team import DEMO_TEAM
from deploy.durable import Durable
from deploy.embedded import broker, store
from deploy.errors import ChildError, PortInUseError
from deploy.greeting import SEEN_BEFORE, farewell, greeting
from deploy.kafka import node
from deploy.settings import Settings
from deploy.supervisor import Supervisor
from scorer.grid import Grid
from scorer.times import Micros, micros
from scorer.timescale import Timescale

_STARTS_WITHIN_S: Final = 10.0  # before the first sample event, so that none is late because children start


@dataclass(frozen=True)
class Options:
    """What the command line adds to the settings."""

    grid: Grid
    kafka_port: int = 9092
    demo: bool = False
    durable: Durable | None = None
    began: float = field(default_factory=time.monotonic)


async def run(loaded: Settings, options: Options) -> int:
    """Runs everything until SIGINT or SIGTERM; the exit status. Raises where it cannot start."""
    if isinstance(
        sys.stdout, io.TextIOWrapper
    ):  # an alert that the terminal cannot show must not end anything
        sys.stdout.reconfigure(errors="replace")
    loaded = _fitted(loaded, options.durable)
    stop = asyncio.Event()
    _on_signals(stop.set)
    with tempfile.TemporaryDirectory(prefix="leadheat-", ignore_cleanup_errors=True) as folder:
        machine = _machine(loaded, options, Path(folder))
        await _or_stopped(_check(machine), stop)
        machine.metrics_folder.mkdir()
        machine.store_folder.mkdir(mode=0o700, exist_ok=True)
        supervisor = Supervisor(_print, _say, lambda pid: _forget(machine.metrics_folder, pid))
        try:
            if not stop.is_set():
                await _or_stopped(_start(supervisor, machine, loaded, options), stop)
            await _or_stopped(_look_after(machine), stop)
        finally:
            _on_signals(supervisor.kill)
            await supervisor.stop()
    _say(farewell(machine))
    return 0


def _machine(loaded: Settings, options: Options, folder: Path) -> Machine:
    embedded_broker, embedded_store = loaded.kafka is None, loaded.redis is None
    made = keys.make() if options.durable is None else options.durable.folder.keys()
    write_keys = made.write_keys() if loaded.write_keys is None else loaded.require_write_keys()
    machine = Machine(
        kafka=f"{broker.HOST}:{options.kafka_port}" if embedded_broker else loaded.require_kafka(),
        redis="" if embedded_store else loaded.require_redis(),
        embedded_kafka_port=options.kafka_port if embedded_broker else None,
        embedded_store=embedded_store,
        host=loaded.host,
        port=loaded.port,
        grid=loaded.grid,
        channels=loaded.channels,
        sequences=loaded.sequences,
        team=loaded.team or (DEMO_TEAM if options.demo else None),
        gateway_url=loaded.gateway_url,
        write_keys=write_keys,
        sync=None if options.demo else loaded.sync,  # no CRM is told of invented people
        read_keys=made.read_keys() if loaded.read_keys is None else loaded.require_read_keys(),
        link_keys=loaded.link_keys() or tuple(keys.link_key(key) for key in write_keys if ":" not in key)[:1],
        partitions=loaded.partitions,
        session_timeout_s=loaded.session_timeout_s,
        folder=folder,
        timescale=_demo_clock(loaded.demo_lasts_s).dump() if options.demo else loaded.timescale,
        demo=options.demo,
        columns=_columns(),
        durable=options.durable,
    )
    return replace(machine, redis=store.url(machine.store_folder)) if embedded_store else machine


def _fitted(loaded: Settings, durable: Durable | None) -> Settings:
    """The settings, with what suits a broker of our own where they say nothing."""
    if loaded.kafka is not None:
        return loaded
    suits: dict[str, object] = {"partitions": node.PARTITIONS}
    if durable is None:
        suits = {"partitions": broker.PARTITIONS, "session_timeout_s": broker.SESSION_TIMEOUT_S}
    given = loaded.model_fields_set
    return loaded.model_copy(update={name: value for name, value in suits.items() if name not in given})


def _demo_clock(lasts_s: float) -> Timescale:
    now = settings.wall_clock()
    meets = Micros(now + micros(_STARTS_WITHIN_S + lasts_s))
    rate = TELLS / micros(lasts_s)
    return Timescale(wall_from=now, meets=meets, starts=Micros(meets - int(rate * (meets - now))))


async def _check(machine: Machine) -> None:
    ports.require_free(machine.host, machine.port, "the board and the events", "--port")
    if machine.embedded_kafka_port is None:
        await asyncio.to_thread(ports.require_broker, machine.kafka)
    elif machine.embedded_kafka_port == machine.port:
        raise PortInUseError(f"port {machine.port} is wanted twice: --port and --kafka-port must differ")
    else:
        _require_kafka_ports(machine, machine.embedded_kafka_port)
    if not machine.embedded_store:
        await ports.require_store(machine.redis)


def _require_kafka_ports(machine: Machine, port: int) -> None:
    if machine.durable is None:
        ports.require_free(broker.HOST, port, "the embedded broker", "--kafka-port")
        return
    inside = machine.durable.node.controller_port
    if inside == machine.port:
        raise PortInUseError(
            f"port {inside} is wanted twice: Kafka keeps the one beside --kafka-port for itself; "
            "choose another --kafka-port"
        )
    ports.require_free(node.HOST, port, "Kafka", "--kafka-port")
    ports.require_free(node.HOST, inside, "Kafka's controller, beside --kafka-port", "--kafka-port")


async def _start(supervisor: Supervisor, machine: Machine, loaded: Settings, options: Options) -> None:
    async def restore_topics() -> None:
        report = await topics.ensure(machine.kafka, loaded, machine.partitions)
        if report.problems:
            raise ChildError("\n".join(["the topics are not right:", *map(str, report.problems)]))
        if machine.durable is not None:
            await topics.groups_ready(machine.kafka)
        if machine.demo and all(one.state in ("right", "weak") for one in report.findings):
            _say(SEEN_BEFORE)

    if machine.embedded_kafka_port is None:
        await restore_topics()
    for child in children(machine, restore_topics):
        if child.name == "demo":
            _print(greeting(machine, options.grid, time.monotonic() - options.began))
        elif child.name == "kafka":
            _say("starting Kafka")
        await supervisor.start(child)
    if not machine.demo:
        _print(greeting(machine, options.grid, time.monotonic() - options.began))


async def _look_after(machine: Machine) -> None:
    """Waits for ever; says meanwhile what somebody must see to before it is too late."""
    if machine.durable is None:
        await asyncio.Event().wait()
    else:
        await disk.watch(machine.durable.folder.path, _say)


async def _or_stopped(work: Coroutine[None, None, None], stop: asyncio.Event) -> None:
    """Does the work, unless a signal to stop comes first."""
    working, stopped = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    await asyncio.wait((working, stopped), return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not working.done():
        working.cancel()
        await asyncio.wait((working,))
    elif error := working.exception():
        raise error


def _on_signals(call: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, call)


def _forget(folder: Path, pid: int) -> None:
    """Drops the gauges of a process that is gone; its counts stay in the sums."""
    mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]


def _columns() -> int | None:
    """How wide the terminal is, if this writes to one: children that print need to know."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _print(text: str) -> None:
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


def _say(text: str) -> None:
    with contextlib.suppress(BrokenPipeError):
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
