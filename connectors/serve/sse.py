"""Server-sent events: what every stream of them is answered with."""

import asyncio
from typing import Any, Final

from starlette.responses import StreamingResponse
from starlette.types import Send

from connectors.serve.metrics import DROPPED

HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_SEND_WITHIN_S: Final = 20.0
"""A client that takes nothing for so long is dropped."""


class Stream(StreamingResponse):
    """A stream whose every piece must be taken in time."""

    async def stream_response(self, send: Send) -> None:
        """Sends the pieces; a client that doesn't take them is hung up on."""

        async def in_time(message: Any) -> None:
            try:
                async with asyncio.timeout(_SEND_WITHIN_S):
                    await send(message)
            except TimeoutError:
                DROPPED.inc()
                raise

        await super().stream_response(in_time)
