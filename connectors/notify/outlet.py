"""One destination with its lanes: in order for a lead, several leads at a time."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from connectors.notify.alert import Alert
from connectors.notify.channels import Chat, Console, Destination
from connectors.notify.chat import ChatSender
from connectors.notify.config import NotifyConfig
from connectors.notify.console import ConsoleSender
from connectors.notify.errors import DeliveryError
from connectors.notify.messages import Message, message_of
from connectors.notify.metrics import DELIVERIES
from connectors.notify.retries import Retries
from connectors.notify.webhook import WebhookSender

Park = Callable[[Alert, str, str, str], Awaitable[None]]


class Sender(Protocol):
    """A way to a destination."""

    async def send(self, alert: Alert, message: Message) -> None:
        """Deliver one alert, or raise DeliveryError."""

    async def close(self) -> None:
        """Let go of what is held open."""


def open_sender(destination: Destination, config: NotifyConfig) -> Sender:
    """The way to a destination."""
    if isinstance(destination, Console):
        return ConsoleSender()
    if isinstance(destination, Chat):
        return ChatSender(destination.url)
    return WebhookSender(destination.url, destination.secret, config.timeout_s)


@dataclass(frozen=True)
class Job:
    """One alert to be delivered over one channel."""

    alert: Alert
    channel: str
    wanted: Callable[[], bool]
    """False once another consumer has the alert's partition."""
    finish: Callable[[], None]


class Outlet:
    """Takes jobs, delivers them, parks those that it has to give up."""

    def __init__(self, destination: Destination, config: NotifyConfig, park: Park) -> None:
        self._config = config
        self._label = destination.label
        self._park = park
        self._sender = open_sender(destination, config)
        self._retries = Retries(config, destination.label)
        lanes = 1 if isinstance(destination, Console) else config.lanes
        self._lanes: list[asyncio.Queue[Job]] = [asyncio.Queue() for _ in range(lanes)]
        self._tasks = [asyncio.create_task(self._run(lane), name=self._label) for lane in self._lanes]

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """The lanes' tasks; one that ends has failed."""
        return self._tasks

    def put(self, job: Job) -> None:
        """Take a job; a lead's jobs share a lane."""
        self._lanes[zlib.crc32(job.alert.lead_id.encode()) % len(self._lanes)].put_nowait(job)

    async def close(self) -> None:
        """Give up what is waiting or under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._sender.close()

    async def _run(self, lane: asyncio.Queue[Job]) -> None:
        while True:
            job = await lane.get()
            if job.wanted():
                await self._deliver(job)
            job.finish()

    async def _deliver(self, job: Job) -> None:
        def count(result: str) -> None:
            DELIVERIES.labels(job.channel, result).inc()

        try:
            message = message_of(job.alert, self._config.language, self._config.board_url)
            await self._retries.deliver(
                lambda: self._sender.send(job.alert, message), lambda: count("retried")
            )
        except DeliveryError as error:
            reason = str(error)
        except Exception as error:  # the boundary: one alert that cannot be told must not stop all others
            reason = f"it cannot be told: {type(error).__name__}"
        else:
            count("delivered")
            return
        await self._park(job.alert, job.channel, self._label, reason)
        count("parked")
