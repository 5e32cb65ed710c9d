"""Publishes what nurturing has to tell as ordinary events, under ids that a repeat has too."""

import asyncio
import logging
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from connectors.hang_up import hang_up
from scorer.brokers import connection
from scorer.times import Micros, format_time
from scorer.topics import full_name, topic_of

_AGAIN_S: Final = 1.0
_STOP_WITHIN_S: Final = 5.0
_log: Final = logging.getLogger(__name__)


class Publisher:
    """A producer that goes on until the broker has what it is given."""

    def __init__(self, kafka: str, topic_prefix: str, clock: Callable[[], Micros]) -> None:
        self._prefix = topic_prefix
        self._clock = clock
        self._producer = AIOKafkaProducer(
            **connection(kafka), client_id="leadheat-nurture", acks="all", linger_ms=0
        )

    async def start(self) -> None:
        """Connects; KafkaError where nobody answers."""
        await self._producer.start()

    async def stop(self) -> None:
        """Hangs up."""
        await hang_up(self._producer.stop(), _STOP_WITHIN_S)

    async def publish(self, of_type: str, lead: str, about: str, at: int, properties: dict[str, Any]) -> None:
        """One event; `about` is what makes it this one and no other of its type."""
        event = {
            "id": sha256(f"nurture\n{of_type}\n{about}".encode()).hexdigest()[:32],
            "type": of_type,
            "lead_id": lead,
            "time": format_time(at),
            "properties": {name: value for name, value in properties.items() if value is not None},
            "context": {"channel": "email"},
        }
        topic = full_name(self._prefix, topic_of(of_type))
        value = msgspec.json.encode(event)
        while True:
            try:
                await self._producer.send_and_wait(
                    topic, value, key=lead.encode(), timestamp_ms=self._clock() // 1_000
                )
            except KafkaError as error:
                _log.warning("%s does not take a record yet: %s", topic, type(error).__name__)
                await asyncio.sleep(_AGAIN_S)
            else:
                return
