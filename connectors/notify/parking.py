"""Keeps what could not be delivered on a topic of its own, with the reason, and what became of it there."""

import asyncio
import logging
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from connectors.hang_up import hang_up
from connectors.notify.config import NotifyConfig
from connectors.notify.delivery import Delivery
from scorer.brokers import connection
from scorer.times import format_time
from scorer.topics import full_name

PARKED: Final = "parked"
_AGAIN_S: Final = 1.0
_STOP_WITHIN_S: Final = 5.0

_log: Final = logging.getLogger(__name__)


class Request(msgspec.Struct, frozen=True):
    """A record of the topic: that an alert is parked, or asked for again (`retry`), or let go (`dropped`).

    All records of an alert stand on the partition of its lead, so that the last one is what counts.
    """

    id: str
    channel: str
    destination: str
    result: str
    alert: msgspec.Raw = msgspec.Raw(b"null")


class Parking:
    """A producer that goes on until the broker has what it is given."""

    def __init__(self, config: NotifyConfig) -> None:
        self._config = config
        self.topic = full_name(config.topic_prefix, PARKED)
        self._producer = AIOKafkaProducer(
            **connection(config.kafka), client_id="leadheat-notify", acks="all", linger_ms=0
        )

    async def start(self) -> None:
        """Connect; KafkaError where nobody answers."""
        await self._producer.start()

    async def stop(self) -> None:
        """Hang up."""
        await hang_up(self._producer.stop(), _STOP_WITHIN_S)

    async def park(self, row: Delivery, partition: int, reason: str) -> None:
        """Keep one alert that a channel did not get; the key is the alert's id."""
        await self._tell(row, partition, {"result": "parked", "reason": reason, "alert": row.alert})
        _log.warning("alert %s for %s parked on %s: %s", row.id, row.channel, self.topic, reason)

    async def drop(self, row: Delivery, partition: int, reason: str) -> None:
        """Let go what is parked."""
        await self._tell(row, partition, {"result": "dropped", "reason": reason})

    async def park_broken(self, partition: int, place: str, value: bytes, reason: str) -> None:
        """Keep a record that is no alert; the key is where it came from."""
        told = {"id": None, "channel": None, "destination": None, "result": "parked", "reason": reason}
        told |= {"place": place, "record": value.decode(errors="replace")}
        await self._send(place, partition, told)
        _log.warning("the record at %s parked on %s: %s", place, self.topic, reason)

    async def _tell(self, row: Delivery, partition: int, more: dict[str, Any]) -> None:
        told = {"id": row.id, "channel": row.channel, "destination": row.destination}
        await self._send(row.id, partition, told | more)

    async def _send(self, key: str, partition: int, told: dict[str, Any]) -> None:
        now = self._config.clock()
        value = msgspec.json.encode(told | {"at": format_time(now)})
        while True:
            try:
                await self._producer.send_and_wait(
                    self.topic, value, key=key.encode(), partition=partition, timestamp_ms=now // 1_000
                )
            except KafkaError as error:
                _log.warning("%s does not take a record yet: %s", self.topic, type(error).__name__)
                await asyncio.sleep(_AGAIN_S)
            else:
                return
