"""A route for any path leaves LeadHeat's own pages to whoever serves them."""

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from connectors.answer_links import PATH
from connectors.routing import AnyPathRoute


async def _nothing(_: Request) -> Response:
    return Response()


@pytest.mark.parametrize(
    ("path", "ours"), [("/com.acme/tp2", False), ("/answers/x", False), ("/v1/x", True), (f"{PATH}/x", True)]
)
def test_what_is_ours_is_left_alone(path: str, ours: bool) -> None:
    route = AnyPathRoute("/{vendor}/{version}", _nothing, methods=["POST"])
    scope = {"type": "http", "method": "POST", "path": path, "root_path": ""}
    assert (route.matches(scope)[0] is Match.NONE) is ours
