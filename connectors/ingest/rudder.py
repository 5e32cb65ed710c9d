"""What RudderStack's browser library asks for before it sends; all else of its protocol is Segment's."""

from collections.abc import Callable
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

BEACON_PATH: Final = "/beacon/v1/batch"
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


def config_routes(admit: Callable[[Request], None]) -> list[Route]:
    """The source's configuration; `admit` raises RefusedError unless the request's key may send."""

    async def config(request: Request) -> Response:
        admit(request)
        return JSONResponse(_SOURCE)

    return [Route(path, config, methods=["GET"]) for path in CONFIG_PATHS]
