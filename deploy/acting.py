"""Runs what acts on alerts, in one process: their delivery, and the office that assigns and keeps tasks."""

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from aiokafka.errors import KafkaError

from connectors.durable.errors import OvertakenError
from connectors.hang_up import end
from connectors.role import rest, until_told
from connectors.watched_file import until_changed

if TYPE_CHECKING:
    from connectors.notify.config import NotifyConfig
    from connectors.office.config import OfficeConfig

_log: Final = logging.getLogger(__name__)


async def run(notify: "NotifyConfig", office: "OfficeConfig") -> None:
    """Until SIGTERM or SIGINT; ChannelsError where the channels file is wrong."""
    await until_told(lambda stop: _act(notify, office, stop))


async def _act(notify: "NotifyConfig", office: "OfficeConfig", stop: asyncio.Event) -> None:
    from connectors.notify.dispatch import dispatch

    office = replace(office, team_file=notify.team_file)  # one watches for both
    tasks = [asyncio.create_task(dispatch(notify, stop)), asyncio.create_task(_keep_office(office, stop))]
    done, running = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    await end(*running)  # what one of them ended with is for the process to end with
    for task in done:
        task.result()


async def _keep_office(config: "OfficeConfig", stop: asyncio.Event) -> None:
    """Opens the office anew whenever a broker that is away, or another office, has closed it, and with each
    new file of the team."""
    from connectors.office.office import Office

    file = config.team_file
    while not stop.is_set():
        async with until_changed([] if file is None else [file], stop) as ended:
            now = config if file is None else replace(config, team=file.said)
            try:
                await Office(now).run(ended)
            except (KafkaError, OvertakenError, OSError) as error:
                _log.warning("the office is closed, and opens again: %s", type(error).__name__)
                await rest(ended)
