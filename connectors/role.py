"""The life of a role: it works until told to stop, waits for a broker that is away, shows its metrics."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from aiokafka.errors import KafkaError
from prometheus_client import start_http_server

_AGAIN_S: Final = 1.0
_log: Final = logging.getLogger(__name__)


async def until_told(work: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Runs what ends once the event that it is given is set, which SIGTERM and SIGINT do."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        await work(stop)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


async def rest(stop: asyncio.Event, seconds: float = _AGAIN_S) -> None:
    """Waits before something is tried again, not longer than until `stop`."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()


async def started(start: Callable[[], Awaitable[None]], stop: asyncio.Event) -> bool:
    """Starts a client of Kafka's: true once the broker answers, false where the stop comes first."""
    told = False
    while not stop.is_set():
        try:
            await start()
        except KafkaError as error:
            if not told:
                _log.warning("no broker answers yet: %s", type(error).__name__)
            told = True
            await rest(stop)
        else:
            return True
    return False


@contextmanager
def metrics_on(port: int | None) -> Iterator[None]:
    """Serves `/metrics` meanwhile, if a port is named."""
    if port is None:
        yield
        return
    server, _ = start_http_server(port)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
