"""Keeps what could not be delivered on a topic of its own, with the reason."""

import asyncio
import logging
from typing import Final

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from connectors.hang_up import hang_up
from connectors.notify.alert import Alert
from connectors.notify.config import NotifyConfig
from scorer.brokers import connection
from scorer.times import format_time
from scorer.topics import full_name

PARKED: Final = "parked"
_AGAIN_S: Final = 1.0
_STOP_WITHIN_S: Final = 5.0

_log: Final = logging.getLogger(__name__)


class Parking:
    """A producer that goes on until the broker has what it is given."""

    def __init__(self, config: NotifyConfig) -> None:
        self._config = config
        self._topic = full_name(config.topic_prefix, PARKED)
        self._producer = AIOKafkaProducer(
            **connection(config.kafka), client_id="leadheat-notify", acks="all", linger_ms=0
        )

    async def start(self) -> None:
        """Connect; KafkaError where nobody answers."""
        await self._producer.start()

    async def stop(self) -> None:
        """Hang up."""
        await hang_up(self._producer.stop(), _STOP_WITHIN_S)

    async def park(self, alert: Alert, channel: str, destination: str, reason: str) -> None:
        """Keep one alert that a channel did not get; the key is the alert's id."""
        record = {
            "id": alert.id,
            "channel": channel,
            "destination": destination,
            "result": "parked",
            "reason": reason,
            "at": format_time(self._config.clock()),
            "alert": alert.raw,
        }
        await self._send(alert.id.encode(), msgspec.json.encode(record))
        _log.warning("alert %s for %s parked on %s: %s", alert.id, channel, self._topic, reason)

    async def park_broken(self, place: str, value: bytes, reason: str) -> None:
        """Keep a record that is no alert; the key is where it came from."""
        record = {
            "id": None,
            "channel": None,
            "destination": None,
            "result": "parked",
            "reason": reason,
            "at": format_time(self._config.clock()),
            "place": place,
            "record": value.decode(errors="replace"),
        }
        await self._send(place.encode(), msgspec.json.encode(record))
        _log.warning("the record at %s parked on %s: %s", place, self._topic, reason)

    async def _send(self, key: bytes, value: bytes) -> None:
        stamp = self._config.clock() // 1000
        while True:
            try:
                await self._producer.send_and_wait(self._topic, value, key=key, timestamp_ms=stamp)
            except KafkaError as error:
                _log.warning("%s does not take a record yet: %s", self._topic, type(error).__name__)
                await asyncio.sleep(_AGAIN_S)
            else:
                return
