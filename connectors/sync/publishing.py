"""Publishes events on the in-topics: what CRMs say of people is an event like any other."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

from aiokafka import AIOKafkaProducer

from connectors.hang_up import hang_up
from scorer.brokers import connection
from scorer.times import Micros
from scorer.topics import full_name

_STOP_WITHIN_S: Final = 5.0

Outgoing = tuple[str, str, bytes]
"""A topic's short name, a key, a value."""


class Sender:
    """A producer; what it raises ends the role, which begins again where it was."""

    def __init__(self, kafka: str, topic_prefix: str, clock: Callable[[], Micros]) -> None:
        self.clock = clock
        self._kafka = kafka
        self._prefix = topic_prefix
        self._producer: Any = None

    async def start(self) -> None:
        """Connects; KafkaError where nobody answers."""
        self._producer = AIOKafkaProducer(
            **connection(self._kafka), client_id="leadheat-sync", acks="all", linger_ms=5
        )
        await self._producer.start()

    async def stop(self) -> None:
        """Hangs up."""
        if self._producer is not None:
            await hang_up(self._producer.stop(), _STOP_WITHIN_S)

    async def send(self, records: Sequence[Outgoing]) -> None:
        """Returns once Kafka has them all."""
        stamp = self.clock() // 1_000
        waiting = [
            await self._producer.send(
                full_name(self._prefix, topic), value, key=key.encode(), timestamp_ms=stamp
            )
            for topic, key, value in records
        ]
        await asyncio.gather(*waiting)
