"""Sends the population's records at their pace; keeps the ledger of what was acknowledged or refused."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final

import httpx
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from scorer.topics import full_name
from tests.faults.population import DAY_MS, Planned, Population, in_steps

_STEP_S: Final = 0.1
_AGAIN_S: Final = 0.3  # as a client waits that was refused

Post = Callable[[list[bytes]], Any]


class Ledger:
    """What became of every record that was sent, by the event's id."""

    def __init__(self) -> None:
        self.results: dict[str, str] = {}
        self.statuses: Counter[int] = Counter()
        """Of the gateway's answers."""

    def enter(self, events: Iterable[str | None], result: str) -> None:
        """Notes a result; once acknowledged stays acknowledged."""
        for event in events:
            if event is not None and self.results.get(event) != "ok":
                self.results[event] = result

    def of(self, result: str) -> list[str]:
        """The events of a result."""
        return [event for event, one in self.results.items() if one == result]


class Sender:
    """Sends a virtual day in some seconds; what the gateway is to get is posted, in order."""

    def __init__(
        self,
        population: Population,
        prefix: str,
        seconds: float,
        producer: AIOKafkaProducer,
        post: Post | None = None,
        set_time: Callable[[int], None] = lambda ms: None,
    ) -> None:
        """`post` takes events and gives an HTTP status, None where no answer came; `set_time` moves the
        gateway's clock."""
        self._population = population
        self._prefix = prefix
        self._seconds = seconds
        self._producer = producer
        self._post = post
        self._set_time = set_time
        self._posts: asyncio.Queue[list[Planned] | None] = asyncio.Queue()
        self._open = 0
        self._stopped = False
        self.ledger = Ledger()
        self.sent = 0

    def stop(self) -> None:
        """What was not sent yet stays so: the model knows only what is on the topics."""
        self._stopped = True

    async def run(self) -> None:
        """Sends all, or until stopped, and returns when each record's fate is known."""
        posting = asyncio.create_task(self._posting())
        began = time.monotonic()
        per_step = int(DAY_MS * _STEP_S / self._seconds)
        steps = in_steps(self._population.planned, self._population.start, per_step)
        for number, step in enumerate(steps):
            if self._stopped:
                break
            await asyncio.sleep(max(0.0, began + number * _STEP_S - time.monotonic()))
            self._set_time(self._population.start + number * per_step)
            posted = [one for one in step if one.by_gateway]
            if posted:
                self._posts.put_nowait(posted)
            for one in step:
                if not one.by_gateway:
                    await self._send(one)
            self.sent += len(step)
        self._posts.put_nowait(None)
        await posting
        while self._open:  # the producer gives up on a record in its own time
            await asyncio.sleep(_STEP_S)

    async def _send(self, one: Planned) -> None:
        try:
            future = await self._producer.send(
                full_name(self._prefix, one.topic),
                one.value,
                key=one.key,
                partition=one.partition,
                timestamp_ms=one.at,
            )
        except KafkaError:
            self.ledger.enter([one.id], "unknown")
        else:
            self._open += 1
            future.add_done_callback(lambda done: self._fate(one, done))

    def _fate(self, one: Planned, done: "asyncio.Future[Any]") -> None:
        self._open -= 1
        self.ledger.enter([one.id], "unknown" if done.cancelled() or done.exception() else "ok")

    async def _posting(self) -> None:
        while (batch := await self._posts.get()) is not None:
            assert self._post is not None
            ids = [one.id for one in batch]
            while True:
                try:
                    status = await self._post([one.value for one in batch if one.value is not None])
                except httpx.HTTPError:
                    self.ledger.enter(ids, "unknown")
                else:
                    self.ledger.statuses[status] += 1
                    if status == 200:
                        self.ledger.enter(ids, "ok")
                        break
                    self.ledger.enter(ids, "unknown" if status >= 500 else "fail")
                await asyncio.sleep(_AGAIN_S)
