"""Bounds what an HTTP connection may cost by being slow: the time and the size of a head, the rest of a body.

uvicorn waits for a client as long as it keeps sending a byte now and then. How long a body may take is the
application's to say.
"""

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_WITHIN_S: Final = 15.0
"""From the connection, or the first byte of a further request, to the end of its headers."""
MOST_HEAD_BYTES: Final = 65_536
"""Request line and headers: what other servers take; events in an address are up to half of it."""
REST_WITHIN_S: Final = 5.0
"""For the rest of a request that was answered before it was read: time for its sender to hear the answer."""

_TOO_LARGE: Final = b"the request's head is too large"
_REFUSAL: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%s" % (len(_TOO_LARGE), _TOO_LARGE)
)


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's protocol with an end to its patience."""

    _deadline: asyncio.TimerHandle | None = None
    _in_head = True
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has come."""
        super().connection_made(transport)
        self._hang_up_after(HEAD_WITHIN_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """It has gone."""
        self._wait_on()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """It sends."""
        if self._in_head:
            if self._deadline is None:
                self._hang_up_after(HEAD_WITHIN_S)
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > MOST_HEAD_BYTES and not self.transport.is_closing():
            self.transport.write(_REFUSAL)
            self.transport.close()

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._in_head = False
        self._wait_on()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """All of a request is there."""
        super().on_message_complete()
        self._in_head, self._head_bytes = True, 0
        if self.cycle.response_complete:  # it was answered before, and nobody waits for a next one any more
            self._hang_up_after(self.timeout_keep_alive)
        else:
            self._wait_on()

    def on_response_complete(self) -> None:
        """A request is answered, perhaps before all of it was there."""
        super().on_response_complete()
        if not self._in_head:
            self._hang_up_after(REST_WITHIN_S)

    def _hang_up_after(self, seconds: float) -> None:
        self._wait_on()
        self._deadline = self.loop.call_later(seconds, self.transport.close)

    def _wait_on(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
