"""Requests as the gateway shows them to whoever installs a tracker."""

from typing import Any

TAKEN: dict[str, Any] = {
    "at": "2026-11-23T09:41:00Z",
    "protocol": "events",
    "key": 1,
    "source": None,
    "method": "POST",
    "path": "/v1/events",
    "query": [["token", "•••"]],
    "headers": [["content-type", "application/json"], ["authorization", "•••"]],
    "body": '[\n  {\n    "type": "page_view",\n    "email": "•••"\n  }\n]',
    "body_bytes": 212,
    "status": 200,
    "error": None,
    "events": [
        {"type": "page_view", "anonymous_id": "a-…8758", "properties": {"url": "/pricing"}, "id": "e-1"}
    ],
    "accepted": 1,
    "rejected": [{"index": 1, "error": "lead_id, anonymous_id: the event names nobody"}],
    "refused": 1,
}
REFUSED: dict[str, Any] = TAKEN | {
    "at": "2026-11-23T09:41:30Z",
    "protocol": "segment",
    "key": None,
    "path": "/v1/t",
    "body": "",
    "body_bytes": 0,
    "status": 401,
    "error": "the write key is not known here",
    "events": [],
    "accepted": 0,
    "rejected": [],
    "refused": 0,
}
UNKNOWN: dict[str, Any] = REFUSED | {
    "at": "2026-11-23T09:41:40Z",
    "protocol": None,
    "path": "/v1/evnets",
    "status": 404,
    "error": None,
}
