"""`/v1/leads/{id}/curve`: how a lead's score ran, and how it will run if nothing more happens."""

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connectors.routing import BelowRoute
from connectors.serve.desk import Desk, Json, number_of
from connectors.serve.histories import Histories, Story
from connectors.serve.leads import lead_asked_for
from scorer.times import DAY, Micros, format_time, parse_time

_SAMPLES: Final = 200
"""Evenly spaced ones; a chart is some 800 pixels wide, and both sides of each step come on top."""
Record = dict[str, Any]


class Curves:
    """Scores over time."""

    def __init__(self, desk: Desk, histories: Histories) -> None:
        self._desk = desk
        self._histories = histories

    def routes(self) -> list[Route]:
        """The curve of a lead."""
        handler = self._desk.steady(self.curve)
        return [BelowRoute("/v1/leads/{id:identity}/curve", handler, methods=["GET"])]

    async def curve(self, request: Request) -> Response:
        """Past, future and tier changes."""
        days = number_of(request, "days", 30, 1, 366)
        ahead = number_of(request, "ahead", 14, 0, 366)
        record = await lead_asked_for(self._desk, request)
        now = max(self._desk.now(), parse_time(record["as_of"]))
        story = await self._histories.story(record, now)
        since = Micros(now - days * DAY)
        return Json(
            {
                "as_of": format_time(now),
                "past": self._past(story, record, since, now),
                "future": self._future(record, now, Micros(now + ahead * DAY)),
                "changes": [
                    {name: change[name] for name in ("at", "from", "to")}
                    for change in story.changes()
                    if parse_time(change["at"]) >= since
                ],
            }
        )

    def _past(self, story: Story, record: Record, since: Micros, now: Micros) -> list[list[Any]]:
        """Up to now; ends in the record's own score, whatever the topics still hold of its events."""
        times = sampled(since, now, story.history.steps(since, now))
        points = [
            [format_time(at), score] for at, score in zip(times, story.history.curve(times), strict=True)
        ]
        return [*points[:-1], [format_time(now), self._desk.scoring.score(record, now)]]

    def _future(self, record: Record, now: Micros, until: Micros) -> list[list[Any]]:
        ends: list[int] = [parse_time(entry[4]) for entry in record["fading"] if entry[4] is not None]
        starts = [parse_time(entry[2]) for entry in record["pending"]]
        times = sampled(now, until, [*ends, *starts])
        return [[format_time(at), self._desk.scoring.score(record, at)] for at in times]


def sampled(since: int, until: int, steps: list[int]) -> list[int]:
    """Evenly spaced moments from one to another, and both sides of each step between them.

    >>> sampled(0, 0, [])
    [0]
    >>> times = sampled(0, 400, [7, 900])
    >>> times[0], times[-1], 6 in times, 7 in times, 900 in times
    (0, 400, True, True, False)
    """
    times = {since + (until - since) * part // _SAMPLES for part in range(_SAMPLES + 1)}
    for step in steps:
        times.update(at for at in (step - 1, step) if since <= at <= until)
    return sorted(times)
