"""`/v1/leads/{id}/plays`: why each play went off or does not, who has the lead, what is to be done."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connectors.routing import BelowRoute
from connectors.serve.acts import RAISED, tasks_of
from connectors.serve.desk import Desk, Json
from connectors.serve.histories import Histories
from connectors.serve.leads import lead_asked_for
from connectors.serve.people import People
from scorer.times import Micros, format_time, parse_time

_ROUNDING: Final = 1e-6
Record = dict[str, Any]


class LeadPlays:
    """How the plays of the grid stand for leads."""

    def __init__(self, desk: Desk, histories: Histories) -> None:
        self._desk = desk
        self._histories = histories
        self._people = People(desk.config.team_file)

    def routes(self) -> list[Route]:
        """The plays of a lead."""
        handler = self._desk.steady(self.plays)
        return [BelowRoute("/v1/leads/{id:identity}/plays", handler, methods=["GET"])]

    async def plays(self, request: Request) -> Response:
        """Each play of the grid, by the lead's record now and the alerts that are known."""
        record = await lead_asked_for(self._desk, request)
        now = max(self._desk.now(), parse_time(record["as_of"]))
        assigned, tasks = await tasks_of(self._desk.cache, record["identities"])
        named = [one | {"name": self._people.name(one["person"])} for one in tasks]
        last, gained = await self._last(record["identities"]), await self._gained(record, now)
        plays = self._desk.scoring.why_not(record, last, now, gained)
        return Json(
            {
                "lead_id": record["lead_id"],
                "as_of": format_time(now),
                "plays": plays,
                "assigned": assigned and assigned | {"name": self._people.name(assigned["person"])},
                "tasks": named,
            }
        )

    async def _gained(self, record: Record, now: Micros) -> Callable[[int], float | None]:
        """How much the lead gained, by its events; not known where those that are kept make another score."""
        if not self._desk.scoring.watches_gains:
            return lambda within: None
        history = (await self._histories.story(record, now)).history
        score = self._desk.scoring.score(record, now)
        if abs(history.score(now) - score) > _ROUNDING:
            return lambda within: None
        return lambda within: max(score - history.lowest(now - within, now), 0.0)

    async def _last(self, identities: Sequence[str]) -> dict[str, Micros]:
        """When each play went off last for a lead."""
        pipe = self._desk.cache.redis.pipeline(transaction=False)
        for identity in identities:
            pipe.zrange(self._desk.cache.key(RAISED, identity), 0, -1, withscores=True)
        found: dict[str, Micros] = {}
        for told in await pipe.execute():
            for play, at in told:
                found[play] = Micros(max(int(at), found.get(play, int(at))))
        return found
