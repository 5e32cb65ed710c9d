"""Serves an ASGI application over HTTP until the process is told to stop."""

import logging
import signal
import socket
from collections.abc import Callable
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from deploy import collecting, ports
from deploy.patience import PatientProtocol
from deploy.settings import Settings

_STOPS: Final = (signal.SIGINT, signal.SIGTERM)
_log = logging.getLogger(__name__)


class _Server(uvicorn.Server):
    """Ends what would otherwise keep the server waiting, once it is told to stop."""

    def __init__(self, config: uvicorn.Config, on_stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_stop = on_stop

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Closes down in order."""
        self._on_stop()
        await super().shutdown(sockets)


def serve(app: ASGIApp, settings: Settings, on_stop: Callable[[], None] = lambda: None) -> int:
    """Serves until SIGTERM or SIGINT, then calls `on_stop` and ends open requests; the exit status."""
    ports.require_free(settings.host, settings.port, "HTTP", "--port (LEADHEAT_PORT)")
    server = _Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            http=PatientProtocol,
            ws="none",
            timeout_keep_alive=settings.keep_alive_s,
            timeout_graceful_shutdown=settings.stop_timeout_s,
            log_config=None,
            access_log=False,  # paths and addresses are personal data; the metrics count requests
            server_header=False,
        ),
        on_stop,
    )
    # Told to stop before uvicorn listens to signals, it stops as soon as it is up. When it is done, uvicorn
    # raises the signal again: being told to stop is no failure.
    for number in _STOPS:
        signal.signal(number, lambda *_: setattr(server, "should_exit", True))
    collecting.settle()
    _log.info("listening on http://%s:%d", settings.host, settings.port)
    server.run()
    return 0 if server.started else 1
