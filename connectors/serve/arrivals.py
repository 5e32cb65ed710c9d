"""`/v1/arrivals`: samples of what the gateway was sent, masked, for whoever installs a tracker.

They are read from their topic, from the first time that somebody asks, and kept nowhere but in memory.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connectors.hang_up import end, hang_up
from connectors.serve.errors import Refusal
from connectors.serve.sse import HEADERS, Stream
from connectors.serve.topics_reader import partitions
from scorer.times import SECOND, Micros
from scorer.topics import ARRIVALS, full_name

_log: Final = logging.getLogger(__name__)
_KEPT: Final = 200
_OF_A_PARTITION: Final = 50
_NO_OLDER: Final = 3_600 * SECOND
"""A topic may hold them for longer: by files, or in memory."""
_MOST_CLIENTS: Final = 20
_HELD: Final = 200
_WAIT_MS: Final = 500
_PAUSE_S: Final = 1.0
_HEARTBEAT_S: Final = 15.0
_STOP_WITHIN_S: Final = 5.0


class Arrivals:
    """The newest arrivals, and those who watch them."""

    def __init__(self, kafka: str, prefix: str, clock: Callable[[], Micros]) -> None:
        self._kafka = kafka
        self._prefix = prefix
        self._clock = clock
        self._newest: deque[tuple[int, bytes]] = deque(maxlen=_KEPT)
        self._clients: set[asyncio.Queue[bytes | None]] = set()
        self._following: asyncio.Task[None] | None = None
        self._closed = False

    def routes(self) -> list[Route]:
        """The stream of them."""
        return [Route("/v1/arrivals", self.stream, methods=["GET"])]

    async def stream(self, request: Request) -> Response:
        """The newest, then each as it comes, as server-sent events."""
        if request.method == "HEAD":
            return Response(media_type="text/event-stream", headers=HEADERS)
        if len(self._clients) >= _MOST_CLIENTS:
            raise Refusal(503, "too many are watching", 10)
        if self._following is None:
            self._following = asyncio.create_task(self._follow(), name="serve follows arrivals")
        return Stream(self._told(), media_type="text/event-stream", headers=HEADERS)

    def close(self) -> None:
        """Ends every stream."""
        self._closed = True
        for client in self._clients:
            _put(client, None)

    async def stop(self) -> None:
        """Ends the reading."""
        if self._following is not None:
            await end(self._following)

    async def _told(self) -> AsyncIterator[bytes]:
        client: asyncio.Queue[bytes | None] = asyncio.Queue(_HELD)
        self._clients.add(client)
        try:
            yield b"event: hello\ndata: {}\n\n"
            for at, value in list(self._newest):
                if at >= self._oldest:
                    yield _event(value)
            while not self._closed:
                if (told := await _next(client)) is None:
                    return
                yield told
        finally:
            self._clients.discard(client)

    @property
    def _oldest(self) -> int:
        return self._clock() - _NO_OLDER

    async def _follow(self) -> None:
        told = False
        while True:
            try:
                await self._read()
            except (KafkaError, OSError) as error:
                if not told:
                    _log.warning("arrivals cannot be read: %s", type(error).__name__)
                told = True
            await asyncio.sleep(_PAUSE_S)

    async def _read(self) -> None:
        """Reads on until something fails; at once where the topic is not there yet."""
        numbers = (await partitions(self._kafka, self._prefix, [ARRIVALS])).get(ARRIVALS, ())
        parts = [TopicPartition(full_name(self._prefix, ARRIVALS), number) for number in sorted(numbers)]
        if not parts:
            return
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._kafka,
            client_id="leadheat-serve",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=_WAIT_MS // 2,
        )
        try:
            await consumer.start()
            consumer.assign(parts)
            await consumer.seek_to_beginning(*parts)
            self._newest.clear()
            skipped: set[TopicPartition] = set()
            while True:
                fetched = await consumer.getmany(timeout_ms=_WAIT_MS, max_records=_KEPT)
                for part in [one for one in parts if one not in skipped]:
                    # by a fetch's answer: the embedded broker's ListOffsets is wrong about ends
                    if (high := consumer.highwater(part)) is not None:
                        skipped.add(part)
                        if await consumer.position(part) < high - _OF_A_PARTITION:
                            consumer.seek(part, high - _OF_A_PARTITION)
                            fetched.pop(part, None)
                for records in fetched.values():
                    for record in records:
                        self._take(record)
        finally:
            await hang_up(consumer.stop(), _STOP_WITHIN_S)

    def _take(self, record: Any) -> None:
        at = record.timestamp * 1_000
        if record.value is None or at < self._oldest:
            return
        self._newest.append((at, record.value))
        for client in self._clients:
            _put(client, record.value)


async def _next(client: "asyncio.Queue[bytes | None]") -> bytes | None:
    """What is sent next; None: no more is."""
    try:
        async with asyncio.timeout(_HEARTBEAT_S):
            value = await client.get()
    except TimeoutError:
        return b":\n\n"
    return None if value is None else _event(value)


def _put(client: "asyncio.Queue[bytes | None]", value: bytes | None) -> None:
    """What a slow client does not take is not told: the newest is."""
    if client.full():
        client.get_nowait()
    client.put_nowait(value)


def _event(value: bytes) -> bytes:
    return b"event: arrival\ndata: " + value.replace(b"\n", b" ") + b"\n\n"
