"""Serves an ASGI application over HTTP until the process is told to stop."""

import logging

import uvicorn
from starlette.types import ASGIApp

from deploy.settings import Settings

_log = logging.getLogger(__name__)


def serve(app: ASGIApp, settings: Settings) -> int:
    """Serves until SIGTERM or SIGINT; the exit status."""
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            timeout_keep_alive=settings.keep_alive_s,
            timeout_graceful_shutdown=settings.stop_timeout_s,
            log_config=None,
            access_log=False,  # paths and addresses are personal data; the metrics count requests
            server_header=False,
        )
    )
    _log.info("listening on http://%s:%d", settings.host, settings.port)
    server.run()
    return 0 if server.started else 1
