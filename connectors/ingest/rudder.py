"""What RudderStack's protocol has beside Segment's: a source's configuration, its beacon, its images."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

BEACON_PATH: Final = "/beacon/v1/batch"
IMAGE_PATHS: Final = {"/pixel/v1/page": "page", "/pixel/v1/track": "track"}
"""Images that stand for a call, of which the query tells: `properties.asset=wp.pdf`."""
CONFIG_PATHS: Final = ("/sourceConfig", "/sourceConfig/")

_OFF: Final = {"enabled": False}
_SOURCE: Final[dict[str, Any]] = {
    "source": {
        "id": "leadheat",
        "name": "LeadHeat",
        "writeKey": "",
        "enabled": True,
        "workspaceId": "leadheat",
        "config": {"statsCollection": {"errors": _OFF, "metrics": _OFF}},
        "destinations": [],
        "updatedAt": "1970-01-01T00:00:00.000Z",
    },
    "updatedAt": "1970-01-01T00:00:00.000Z",
}
"""A source that sends its events here and nowhere else, and reports nothing of itself."""

_DEEPEST: Final = 8
"""Levels that a name in a query may reach down."""


def call_of(query: Mapping[str, str]) -> dict[str, Any]:
    """The call that a query tells of, its dotted names taken as objects in objects.

    >>> call_of({"writeKey": "k", "anonymousId": "a", "properties.plan": "pro"})
    {'anonymousId': 'a', 'properties': {'plan': 'pro'}}
    """
    found: dict[str, Any] = {}
    for name, value in query.items():
        *outer, last = name.split(".", _DEEPEST)
        inner = found
        for step in outer:
            within = inner.get(step)
            inner[step] = inner = within if isinstance(within, dict) else {}
        inner[last] = value
    found.pop("writeKey", None)
    return found


def config_routes(admit: Callable[[Request], None]) -> list[Route]:
    """The source's configuration; `admit` raises RefusedError unless the request's key may send."""

    async def config(request: Request) -> Response:
        admit(request)
        return JSONResponse(_SOURCE)

    return [Route(path, config, methods=["GET"]) for path in CONFIG_PATHS]
