"""Answers a request that is refused, and counts why."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from connectors.ingest.arrivals import noted
from connectors.ingest.errors import RefusedError
from connectors.ingest.json_answer import JsonAnswer
from connectors.ingest.metrics import REFUSED


def refused(refusal: RefusedError, also: Mapping[str, Any] | None = None) -> Response:
    """The answer, with whatever else there is to tell."""
    REFUSED.labels(refusal.reason).inc()
    noted().error = refusal.message
    headers = {"WWW-Authenticate": refusal.challenge} if refusal.status == 401 else {}
    if refusal.retry_after_s is not None:
        headers["Retry-After"] = str(refusal.retry_after_s)
    return JsonAnswer({"error": refusal.message, **(also or {})}, refusal.status, headers)
