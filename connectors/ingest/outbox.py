"""Hands events to the broker for people who must not wait for it: keeps them in memory until it has them."""

import asyncio
import logging
from collections import deque
from typing import Final

from connectors.hang_up import end
from connectors.ingest.errors import BrokerAwayError, RecordTooLargeError
from connectors.ingest.metrics import INGESTED
from connectors.ingest.producer import EventProducer, Outgoing

_log: Final = logging.getLogger(__name__)
_WAIT_S: Final = 0.25
"""For the broker, before the person goes on: it usually takes a tenth of that, and nobody notices."""
_MOST: Final = 10_000
"""Events kept while the broker is away, some 10 MB; beyond it the newest are lost, and counted."""
_BATCH: Final = 500
_AGAIN_AFTER_S: Final = 0.5
_STOP_WITHIN_S: Final = 5.0


class Outbox:
    """One queue to the broker, in order. What is in it when the process ends is lost."""

    def __init__(self, producer: EventProducer, protocol: str) -> None:
        self._producer = producer
        self._protocol = protocol
        self._waiting: deque[tuple[Outgoing, asyncio.Future[None]]] = deque()
        self._some = asyncio.Event()
        self._sender: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begins to send."""
        self._sender = asyncio.create_task(self._send(), name=f"gateway sends {self._protocol}")

    async def stop(self) -> None:
        """Gives the broker some seconds for what is waiting, and says what was lost."""
        if self._waiting:
            await asyncio.wait([done for _, done in self._waiting], timeout=_STOP_WITHIN_S)
        if self._sender is not None:
            await end(self._sender)
        if self._waiting:
            self._lose(len(self._waiting), "the broker was away until the end")

    async def put(self, record: Outgoing) -> None:
        """Takes the record; returns when the broker has it, or after a quarter of a second."""
        if len(self._waiting) >= _MOST:
            self._lose(1, "too many wait for the broker")
            return
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((record, done))
        self._some.set()
        await asyncio.wait([done], timeout=_WAIT_S)

    async def _send(self) -> None:
        while True:
            await self._some.wait()
            batch = [self._waiting[place] for place in range(min(_BATCH, len(self._waiting)))]
            try:
                await self._producer.publish([record for record, _ in batch])
            except BrokerAwayError:
                await asyncio.sleep(_AGAIN_AFTER_S)
                continue
            except RecordTooLargeError as error:  # a topic that takes next to nothing
                self._lose(len(batch), str(error))
            else:
                INGESTED.labels(self._protocol, "accepted").inc(len(batch))
            for _, done in batch:
                self._waiting.popleft()
                done.set_result(None)
            if not self._waiting:
                self._some.clear()

    def _lose(self, count: int, why: str) -> None:
        INGESTED.labels(self._protocol, "lost").inc(count)
        _log.warning("%d events of %s were lost: %s", count, self._protocol, why)
