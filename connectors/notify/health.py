"""What notify answers over HTTP where it has a port: `/healthz`, `/readyz`, `/metrics`."""

import json
from collections.abc import Callable, Iterable
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import prometheus_client


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: a probe every few seconds is no news."""


def serve(port: int, ready: Callable[[], dict[str, Any] | None]) -> WSGIServer:
    """Answers from a thread of its own, on all addresses, until it is shut down.

    `ready` tells how the destinations are; None: alerts are not being delivered at all.
    """
    metrics: Any = prometheus_client.make_wsgi_app()

    def application(request: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = request.get("PATH_INFO")
        if path == "/healthz":
            return _answer(start_response, "200 OK", {"status": "ok"})
        if path == "/readyz":
            if (told := ready()) is None:
                return _answer(start_response, "503 Service Unavailable", {"status": "not ready"})
            return _answer(start_response, "200 OK", {"status": "ready", "destinations": told})
        answered: Iterable[bytes] = metrics(request, start_response)
        return answered

    server = make_server("", port, application, handler_class=_Quiet)
    Thread(target=server.serve_forever, name="http", daemon=True).start()
    return server


def _answer(start_response: Any, status: str, body: dict[str, Any]) -> list[bytes]:
    start_response(status, [("Content-Type", "application/json")])
    return [json.dumps(body).encode()]
