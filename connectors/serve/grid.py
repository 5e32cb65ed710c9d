"""`/v1/grid`: the grid in force."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connectors.serve.desk import Desk, Json


def routes(desk: Desk) -> list[Route]:
    """The grid."""

    async def grid(_: Request) -> Response:
        return Json(desk.scoring.grid.as_json())

    return [Route("/v1/grid", grid, methods=["GET"])]
