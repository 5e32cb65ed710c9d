"""Puts the role together: reads the sync file, connects, works until told to stop; and its checks."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiokafka.errors import KafkaError
from prometheus_client import start_http_server

from connectors.durable.erasures import Erasures
from connectors.durable.member import Member
from connectors.durable.table import Table
from connectors.serve.scoring import GridFile
from connectors.sync.book import Book
from connectors.sync.caller import Line, OutwardCaller, tls_of
from connectors.sync.config import SyncConfig
from connectors.sync.crm import Crm, Destination
from connectors.sync.engine import Engine, Surroundings
from connectors.sync.errors import CrmError, NotReadyError, SyncError
from connectors.sync.parking import PARKED, TopicParking
from connectors.sync.publishing import Sender
from connectors.sync.sync_file import load_sync_file
from scorer.plan import Plan
from scorer.topics import ALERTS, SCORES, SYNC, full_name

_LOOK_AGAIN_S: Final = 1.0
_GROUP: Final = "leadheat-sync"
_log: Final = logging.getLogger(__name__)

Crms = dict[str, tuple[Destination, Crm]]


async def run(config: SyncConfig) -> None:
    """Keeps CRMs in step until SIGTERM or SIGINT; SyncFileError where the file is wrong."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        await sync(config, stop)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


async def sync(config: SyncConfig, stop: asyncio.Event) -> None:
    """Keeps CRMs in step until `stop` is set."""
    destinations = load_sync_file(config.file, config.environment)
    grid = _Grid(config)
    server = None if config.metrics_port is None else start_http_server(config.metrics_port)
    sender = Sender(config.kafka, config.topic_prefix, config.clock)
    table = Table(config.kafka, full_name(config.topic_prefix, SYNC), _GROUP, config.clock)
    erasures = Erasures(config.kafka, config.topic_prefix, config.erasure_key)
    try:
        if not await _started((sender, table, erasures), stop):
            return
        async with connected(destinations, config) as crms:
            scores, alerts, parked = (
                full_name(config.topic_prefix, name) for name in (SCORES, ALERTS, PARKED)
            )
            around = Surroundings(
                plan=grid.plan,
                publish=sender.send,
                parking=TopicParking(sender),
                erased=erasures.gone,
                clock=config.clock,
                partitions=config.partitions,
                settle_s=config.settle_s,
                scores=scores,
                alerts=alerts,
                parked=parked,
            )
            engine = Engine(Book(table), crms, around)
            member = Member(
                config.kafka,
                f"{config.topic_prefix}-sync",
                (scores, alerts, parked),
                table,
                erasures,
                config.session_timeout_s,
            )
            _log.info("keeping in step: %s", ", ".join(sorted(crms)))
            engine.start()
            try:
                await member.run(engine, stop)
            finally:
                await engine.stop()
    finally:
        for one in (erasures, table, sender):
            await one.stop()
        if server is not None:
            server[0].shutdown()
            server[0].server_close()


async def check(config: SyncConfig) -> list[str]:
    """Asks every CRM whether all is there; a line for each that is right, NotReadyError for what isn't."""
    destinations = load_sync_file(config.file, config.environment)
    problems, right = [], []
    async with connected(destinations, config) as crms:
        for name, (_, crm) in crms.items():
            try:
                found = await crm.check()
            except CrmError as error:
                found = [str(error)]
            problems += [f"{name}: {one}" for one in found]
            if not found:
                right.append(f"{name}: lets us in, and has every field")
    if problems:
        raise NotReadyError("\n".join(problems))
    return right


async def prepare(config: SyncConfig, name: str, *, do: bool) -> list[str]:
    """Makes our fields in one CRM, or says which it would make."""
    destinations = load_sync_file(config.file, config.environment)
    if name not in {one.name for one in destinations}:
        named = ", ".join(one.name for one in destinations)
        raise SyncError(f"{config.file} names no {name}: expected one of {named}")
    async with connected(destinations, config) as crms:
        return await crms[name][1].prepare(do=do)


@asynccontextmanager
async def connected(destinations: list[Destination], config: SyncConfig) -> AsyncIterator[Crms]:
    """Connections to all CRMs; nothing is called before something is asked of them."""
    async with contextlib.AsyncExitStack() as stack:
        crms: Crms = {}
        for destination in destinations:
            caller = OutwardCaller(config.allowed, config.timeout_s, tls_of(destination.ca))
            line = Line(caller, destination.kind.limits.rates, config.clock)
            stack.push_async_callback(line.close)
            crms[destination.name] = destination, destination.kind.connect(destination, line, config.clock)
        yield crms


class _Grid:
    """The plan of the grid in force, followed as its file changes."""

    def __init__(self, config: SyncConfig) -> None:
        self._file = GridFile(config.grid)
        self._plan = Plan(self._file.read().grid)
        self._clock = config.clock
        self._looked = config.clock()

    def plan(self) -> Plan:
        """Looked for anew once a second."""
        if abs(self._clock() - self._looked) > 1_000_000:
            self._looked = self._clock()
            if (changed := self._file.changed()) is not None:
                self._plan = Plan(changed.grid)
        return self._plan


async def _started(clients: "tuple[Sender, Table, Erasures]", stop: asyncio.Event) -> bool:
    """True once the broker answers, False where the stop comes first."""
    for client in clients:
        told = False
        while not stop.is_set():
            try:
                await client.start()
            except KafkaError as error:
                if not told:
                    _log.warning("no broker answers yet: %s", type(error).__name__)
                told = True
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_AGAIN_S):
                        await stop.wait()
            else:
                break
    return not stop.is_set()
