"""`/v1/leads/{id}/timeline`: what a lead did and what each event was worth, newest first."""

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connectors.routing import BelowRoute
from connectors.serve import cursor
from connectors.serve.desk import Desk, Json, limit_of
from connectors.serve.histories import Histories
from connectors.serve.leads import lead_asked_for

Record = dict[str, Any]
_DEFAULT: Final = 100


class Timelines:
    """What leads did."""

    def __init__(self, desk: Desk, histories: Histories) -> None:
        self._desk = desk
        self._histories = histories

    def routes(self) -> list[Route]:
        """The timeline of a lead."""
        handler = self._desk.steady(self.timeline)
        return [BelowRoute("/v1/leads/{id:identity}/timeline", handler, methods=["GET"])]

    async def timeline(self, request: Request) -> Response:
        """A page of events, newest first, and on the first page every change of the tier."""
        limit = limit_of(request, _DEFAULT)
        held = cursor.after(request, "timeline", (int, str))
        record = await lead_asked_for(self._desk, request)
        story = await self._histories.story(record, self._desk.now())
        newest_first = [own for own in reversed(story.events) if held is None or [own.at, own.id] < held]
        page = newest_first[:limit]
        points = story.points()
        events = [own.as_json() | {"points": points.get(own.id, [])} for own in page]
        following = cursor.dump("timeline", page[-1].at, page[-1].id) if len(newest_first) > limit else None
        changes = [] if held else story.changes()
        return Json({"lead_id": record["lead_id"], "events": events, "changes": changes, "next": following})
