"""The board's pages: static files, behind a sign-in."""

from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from connectors.serve.desk import Handler
from connectors.serve.sessions import Sessions

BOARD: Final = Path(__file__).parent / "board"
_PAGES: Final = {
    "/": "leads.html",
    "/leads/{id:identity}": "lead.html",
    "/accounts": "accounts.html",
    "/accounts/{id:identity}": "account.html",
    "/alerts": "alerts.html",
    "/install": "install.html",
    "/login": "login.html",
}
_LOGIN: Final = "login.html"


def routes(sessions: Sessions) -> list[BaseRoute]:
    """The pages that the board has, and what they load."""
    found: list[BaseRoute] = []
    for path, file in _PAGES.items():
        found.append(Route(path, _page(sessions, file), methods=["GET"]))
    return [*found, Mount("/static", StaticFiles(directory=BOARD, check_dir=False))]


def _page(sessions: Sessions, file: str) -> Handler:
    async def page(request: Request) -> Response:
        allowed = file == _LOGIN or sessions.admits(request)
        return FileResponse(
            BOARD / (file if allowed else _LOGIN), 200 if allowed else 401, {"Cache-Control": "no-cache"}
        )

    return page
