"""Delivers alerts until told to stop; where Kafka goes away meanwhile, begins anew."""

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from aiokafka.errors import KafkaError

from connectors.durable.erasures import Erasures
from connectors.durable.errors import DurableError
from connectors.durable.member import Member
from connectors.durable.table import Table
from connectors.hang_up import end
from connectors.notify import health
from connectors.notify.assignments import Assignments, follow
from connectors.notify.channels import Channels, load_channels
from connectors.notify.config import NotifyConfig
from connectors.notify.desk import Desk
from connectors.notify.errors import ChannelsError
from connectors.notify.parking import Parking
from connectors.role import rest
from connectors.watched_file import WatchedFile, until_changed
from scorer.topics import ALERTS, DELIVERIES, full_name

_STOP_WITHIN_S: Final = 7.0  # hanging up from a broker that is away takes five
_LOOK_EVERY_S: Final = 0.02

_log: Final = logging.getLogger(__name__)


async def dispatch(config: NotifyConfig, stop: asyncio.Event) -> None:
    """Deliver alerts until `stop` is set; begins anew with each new file of channels or of the team."""
    channels = _channels_file(config)
    files = [file for file in (channels, config.team_file) if file is not None]
    shown = _Shown()
    server = None if config.metrics_port is None else health.serve(config.metrics_port, shown.tell)
    told = ""
    try:
        while not stop.is_set():
            async with until_changed(files, stop) as ended:
                team = config.team if config.team_file is None else config.team_file.said
                said = None if channels is None else channels.said
                try:
                    await _deliver(replace(config, team=team), said, ended, shown)
                except (KafkaError, DurableError) as error:
                    if told != (told := type(error).__name__):
                        _log.warning("alerts wait, it is begun anew every second: %s", told)
                    await rest(ended)
    finally:
        if server is not None:
            server.shutdown()
            server.server_close()


def _channels_file(config: NotifyConfig) -> WatchedFile[Channels] | None:
    if config.channels is None:
        return None
    load = partial(load_channels, mails=config.mail is not None)
    file = WatchedFile(config.channels, load, "channels", ChannelsError)
    file.read()
    return file


async def _deliver(
    config: NotifyConfig, channels: Channels | None, stop: asyncio.Event, shown: "_Shown"
) -> None:
    """Until `stop`, or until Kafka doesn't answer: then rows may say more than we know."""
    prefix = config.topic_prefix
    parking = Parking(config)
    table = Table(config.kafka, full_name(prefix, DELIVERIES), "leadheat-notify", config.clock)
    erasures = Erasures(config.kafka, prefix, config.erasure_key)
    topics = [full_name(prefix, ALERTS), parking.topic]
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(parking.stop)
        await parking.start()
        stack.push_async_callback(table.stop)
        await table.start()
        stack.push_async_callback(erasures.stop)
        await erasures.start()
        assignments = Assignments(config)
        follower = None
        if config.team.people:
            follower = follow(config, assignments)
            stack.push_async_callback(follower.stop)
            await follower.start()
        member = Member(config.kafka, f"{prefix}-notify", topics, table, erasures, config.session_timeout_s)
        desk = Desk(config, channels, table, parking, erasures, member.committed, assignments, follower)
        stack.push_async_callback(desk.close)
        stack.callback(shown.hide)
        shown.desk = desk
        ended = asyncio.Event()
        ending = asyncio.create_task(_end(config, desk, stop, ended))
        stack.callback(ending.cancel)
        _log.info("delivering the alerts of %s", topics[0])
        await _until_ended(member.run(desk, ended), ended)


async def _until_ended(running: Coroutine[Any, Any, None], ended: asyncio.Event) -> None:
    """Runs the member, and lets nothing that it waits for keep us once it is to end."""
    task, asked = asyncio.create_task(running), asyncio.create_task(ended.wait())
    try:
        await asyncio.wait({task, asked}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({task}, timeout=_STOP_WITHIN_S)
    finally:
        asked.cancel()
        await end(task)
    if not task.cancelled():
        task.result()


async def _end(config: NotifyConfig, desk: Desk, stop: asyncio.Event, ended: asyncio.Event) -> None:
    """What is under way at the stop has a last moment to arrive, while its partitions are still ours."""
    await stop.wait()
    desk.stop()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(config.stop_within_s):
            while not desk.idle:  # noqa: ASYNC110 - of several outlets, each with tasks of its own
                await asyncio.sleep(_LOOK_EVERY_S)
    ended.set()


@dataclass
class _Shown:
    """What `/readyz` tells of."""

    desk: Desk | None = None

    def tell(self) -> dict[str, Any] | None:
        """How each destination is."""
        if self.desk is None:
            return None
        found = self.desk.health.items()
        return {label: {"breaker": state, "waiting": waiting} for label, (state, waiting) in found}

    def hide(self) -> None:
        """Nothing is delivered."""
        self.desk = None
