"""Puts the role together: reads the sync file, connects, works until told to stop; and its checks."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from connectors.durable.erasures import Erasures
from connectors.durable.member import Member
from connectors.durable.table import Table
from connectors.role import metrics_on, started, until_told
from connectors.sync.book import Book
from connectors.sync.caller import Line, OutwardCaller, tls_of
from connectors.sync.config import SyncConfig
from connectors.sync.crm import Crm, Destination
from connectors.sync.engine import Engine, Surroundings
from connectors.sync.errors import CrmError, NotReadyError, SyncError
from connectors.sync.parking import PARKED, TopicParking
from connectors.sync.publishing import Sender
from connectors.sync.sync_file import load_sync_file
from connectors.watched_file import WatchedFile
from scorer.grid import load_grid
from scorer.plan import Plan
from scorer.topics import ALERTS, SCORES, SYNC, full_name

_LOOK_AGAIN_S: Final = 1.0
_GROUP: Final = "leadheat-sync"
_log: Final = logging.getLogger(__name__)

Crms = dict[str, tuple[Destination, Crm]]


async def run(config: SyncConfig) -> None:
    """Keeps CRMs in step until SIGTERM or SIGINT; SyncFileError where the file is wrong."""
    await until_told(lambda stop: sync(config, stop))


async def sync(config: SyncConfig, stop: asyncio.Event) -> None:
    """Keeps CRMs in step until `stop` is set."""
    destinations = load_sync_file(config.file, config.environment)
    grid = _Grid(config)
    with metrics_on(config.metrics_port):
        await _keep_in_step(destinations, grid, config, stop)


async def _keep_in_step(
    destinations: list[Destination], grid: "_Grid", config: SyncConfig, stop: asyncio.Event
) -> None:
    sender = Sender(config.kafka, config.topic_prefix, config.clock)
    table = Table(config.kafka, full_name(config.topic_prefix, SYNC), _GROUP, config.clock)
    erasures = Erasures(config.kafka, config.topic_prefix, config.erasure_key)
    try:
        for one in (sender, table, erasures):
            if not await started(one.start, stop):
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
        self._file = WatchedFile(config.grid, lambda path: Plan(load_grid(path)))
        self._file.read()
        self._clock = config.clock
        self._looked = config.clock()

    def plan(self) -> Plan:
        """Looked for anew once a second."""
        if abs(self._clock() - self._looked) > 1_000_000:
            self._looked = self._clock()
            self._file.changed()
        return self._file.said
