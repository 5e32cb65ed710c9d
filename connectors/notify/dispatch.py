"""Reads alerts, hands them to their channels, commits what has been dealt with: until told to stop."""

import asyncio
import logging
import signal
import time
from collections.abc import Iterable
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, KafkaError
from prometheus_client import start_http_server

from connectors.hang_up import hang_up
from connectors.notify.channels import load_channels
from connectors.notify.config import NotifyConfig
from connectors.notify.copies import Copies
from connectors.notify.desk import Desk
from connectors.notify.parking import Parking
from connectors.notify.progress import Progress
from scorer.brokers import connection
from scorer.topics import ALERTS, full_name

_FETCH_MS: Final = 200
_LOOK_AGAIN_S: Final = 1.0
_STOP_WITHIN_S: Final = 5.0
_METADATA_MS: Final = 5_000
"""How old may be what we know of partitions. A broker that has just come back may tell of none: then the
group rests, with nothing to read, until we ask again, which aiokafka does after five minutes."""

_log: Final = logging.getLogger(__name__)


async def run(config: NotifyConfig) -> None:
    """Deliver alerts until SIGTERM or SIGINT; ChannelsError where the channels file is wrong."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        await dispatch(config, stop)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


async def dispatch(config: NotifyConfig, stop: asyncio.Event) -> None:
    """Deliver alerts until `stop` is set."""
    channels = None if config.channels is None else load_channels(config.channels)
    server = None if config.metrics_port is None else start_http_server(config.metrics_port)
    parking = Parking(config)
    try:
        if not await _started(parking, stop):
            return
        progress = Progress()
        desk = Desk(config, channels, progress, parking)
        try:
            await _Reader(config, desk, progress).read(stop)
        finally:
            await desk.close()
    finally:
        await parking.stop()
        if server is not None:
            server[0].shutdown()
            server[0].server_close()


async def _started(parking: Parking, stop: asyncio.Event) -> bool:
    """True once the broker answers, False where the stop comes first."""
    told = False
    while not stop.is_set():
        try:
            await parking.start()
        except KafkaError as error:
            if not told:
                _log.warning("no broker answers yet: %s", type(error).__name__)
            told = True
            await _either(stop, _LOOK_AGAIN_S)
        else:
            return True
    return False


async def _either(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return


class _Reader:
    """The consumer group's member: fetches, hands over, commits."""

    def __init__(self, config: NotifyConfig, desk: Desk, progress: Progress) -> None:
        self._config = config
        self._desk = desk
        self._progress = progress
        self._copies = Copies()
        self._topic = full_name(config.topic_prefix, ALERTS)
        session_ms = int(config.session_timeout_s * 1000)
        self._consumer = AIOKafkaConsumer(
            **connection(config.kafka),
            client_id="leadheat-notify",
            group_id=f"{config.topic_prefix}-notify",
            enable_auto_commit=False,
            auto_offset_reset="earliest",  # what was raised before the first start is delivered too
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=session_ms // 3,
            metadata_max_age_ms=_METADATA_MS,
        )

    async def read(self, stop: asyncio.Event) -> None:
        """Until `stop`; then what is under way has a last moment to arrive."""
        self._consumer.subscribe([self._topic], listener=_Listener(self._progress, self._copies))
        try:
            await self._consumer.start()
            _log.info("delivering the alerts of %s", self._topic)
            while not stop.is_set():
                await self._cycle(self._progress.waiting < self._config.max_waiting)
            deadline = time.monotonic() + self._config.stop_within_s
            while self._progress.waiting and time.monotonic() < deadline:
                await self._cycle(fetch=False)
            await self._commit()
        finally:
            await hang_up(self._consumer.stop(), _STOP_WITHIN_S)

    async def _cycle(self, fetch: bool) -> None:
        assigned = self._consumer.assignment()
        held = self._consumer.paused()
        if fetch and held:
            self._consumer.resume(*held)
        elif not fetch:
            self._consumer.pause(*(assigned - held))
        fetched = await self._consumer.getmany(timeout_ms=_FETCH_MS)
        for partition, records in fetched.items():
            for record in records:
                ticket = self._progress.begin(partition, record.offset)
                if await self._copies.had(self._consumer, partition, record):
                    self._progress.finish(ticket)
                else:
                    self._desk.take(ticket, record.value)
        for outlet in self._desk.outlets.values():
            for task in outlet.tasks:
                if task.done():
                    task.result()  # a lane never ends by itself: its error is ours
        await self._commit()

    async def _commit(self) -> None:
        offsets = self._progress.take()
        if not offsets:
            return
        try:
            await self._consumer.commit(offsets)
        except CommitFailedError:
            _log.info("partitions have moved: what was not committed is delivered once more")
        except KafkaError as error:
            _log.warning("offsets are not committed yet: %s", type(error).__name__)
            self._progress.put_back(offsets)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    def __init__(self, progress: Progress, copies: Copies) -> None:
        self._progress = progress
        self._copies = copies

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        revoked = list(revoked)
        self._progress.forget(revoked)
        self._copies.forget(revoked)

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Offsets come from the group: nothing to set up."""
