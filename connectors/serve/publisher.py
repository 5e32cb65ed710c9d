"""Publishes what people answer, and says when the broker has it."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from connectors.hang_up import hang_up
from connectors.serve.errors import Refusal
from scorer.brokers import connection
from scorer.times import Micros
from scorer.topics import full_name

_log: Final = logging.getLogger(__name__)
_WITHIN_S: Final = 5.0
"""An election of a leader takes less; a person waits no longer."""


class Publisher:
    """A Kafka producer that connects when it is first needed; answers are few."""

    def __init__(self, kafka: str, prefix: str, clock: Callable[[], Micros]) -> None:
        self._kafka = kafka
        self._prefix = prefix
        self._clock = clock
        self._producer: AIOKafkaProducer | None = None
        self._connecting = asyncio.Lock()

    async def publish(self, topic: str, key: str, value: bytes) -> None:
        """Returns when the broker has the record; Refusal 503: that isn't known in time."""
        try:
            async with asyncio.timeout(_WITHIN_S):
                producer = await self._connected()
                await producer.send_and_wait(
                    full_name(self._prefix, topic),
                    value=value,
                    key=key.encode(),
                    timestamp_ms=self._clock() // 1_000,
                )
        except (KafkaError, OSError, TimeoutError) as error:
            _log.warning("the broker did not acknowledge an answer: %s", type(error).__name__)
            raise Refusal(
                503, "the broker does not answer: send the answer again", retry_after_s=2
            ) from error

    async def _connected(self) -> AIOKafkaProducer:
        async with self._connecting:
            if self._producer is None:
                producer = AIOKafkaProducer(**connection(self._kafka), client_id="leadheat-serve", acks="all")
                try:
                    await producer.start()
                except BaseException:
                    await hang_up(producer.stop(), _WITHIN_S)
                    raise
                self._producer = producer
            return self._producer

    async def close(self) -> None:
        """Hangs up."""
        if self._producer is not None:
            await hang_up(self._producer.stop(), _WITHIN_S)
            self._producer = None
