"""`/v1/leads`: the list in several orders, and one lead by any of its identities."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connectors.serve import cursor
from connectors.serve.batch import BOUNDS_HOLD, newest
from connectors.serve.desk import Desk, Json, choice_of, limit_of
from connectors.serve.errors import Refusal
from connectors.serve.histories import Histories
from connectors.serve.lead_index import lead_of, order_key, sort_member
from connectors.serve.ranking import Bounded, hottest, merged
from connectors.serve.search import found_by
from connectors.serve.views import records_of, resolve, views_of
from scorer.times import Micros, format_time

SORTS: Final = ("score", "cools", "recent", "name")
_CHUNK: Final = 200
_FEW: Final = 2_000
"""Up to so many found leads are sorted here; of more, an order is walked and the others are passed over."""
Record = dict[str, Any]


class Leads:
    """Lists of leads."""

    def __init__(self, desk: Desk, histories: Histories) -> None:
        self._desk = desk
        self._histories = histories

    def routes(self) -> list[Route]:
        """The list and the single lead."""
        return [
            Route("/v1/leads", self._desk.steady(self.listed), methods=["GET"]),
            Route("/v1/leads/{id:identity}", self._desk.steady(self.single), methods=["GET"]),
        ]

    async def single(self, request: Request) -> Response:
        """One lead, by any of its identities."""
        now = self._desk.now()
        record = await lead_asked_for(self._desk, request)
        views = await views_of(self._desk, [record], now)
        await self._histories.sparks([record], views, now)
        return Json(views[0])

    async def listed(self, request: Request) -> Response:
        """A page of the leads."""
        limit = limit_of(request)
        sort = choice_of(request, "sort", SORTS, "score")
        tier = choice_of(request, "tier", self._desk.scoring.tiers, "") or None
        query = request.query_params.get("q", "").strip()[:200]
        among = await found_by(self._desk, query) if query else None
        if sort == "score":
            return await self._hottest(request, limit, tier, among)
        return await self._ordered(request, sort, limit, tier, among)

    async def _hottest(
        self, request: Request, limit: int, tier: str | None, among: set[str] | None
    ) -> Response:
        held = cursor.after(request, "score", (int, float, str))
        now = _moment(held[0]) if held else self._desk.now()
        known: dict[str, Record] = {}

        async def score(leads: Sequence[str]) -> dict[str, float]:
            records = await records_of(self._desk, [lead for lead in leads if among is None or lead in among])
            known.update(records)
            return {lead: self._desk.scoring.score(record, now) for lead, record in records.items()}

        place = (held[1], held[2]) if held else None
        stale = now < self._desk.now() - BOUNDS_HOLD
        best = await hottest(self._bounds(tier, among, now), score, limit + 1, place, every=stale)
        following = None
        if len(best) > limit:
            best = best[:limit]
            following = cursor.dump("score", now, *best[-1])
        return await self._page([known[lead] for _, lead in best], now, following)

    async def _bounds(
        self, tier: str | None, among: set[str] | None, now: Micros
    ) -> AsyncIterator[list[Bounded]]:
        if among is not None and len(among) <= _FEW:
            records = await records_of(self._desk, sorted(among))
            kept = [(lead, one) for lead, one in records.items() if tier is None or one["tier"] == tier]
            bounds = ((self._desk.scoring.score(record, now), lead) for lead, record in kept)
            if found := sorted(bounds, reverse=True):
                yield found
            return
        tiers = [tier] if tier else self._desk.scoring.tiers
        async for chunk in merged([self._bounds_of(one) for one in tiers], _CHUNK):
            yield [(-negative, lead) for negative, lead in chunk]

    async def _bounds_of(self, tier: str) -> AsyncIterator[list[Bounded]]:
        name = self._desk.cache.key(order_key("score", self._desk.scoring, tier))
        start = 0
        while found := await self._desk.cache.redis.zrevrange(
            name, start, start + _CHUNK - 1, withscores=True
        ):
            yield [(-float(bound), str(lead)) for lead, bound in found]
            start += _CHUNK

    async def _ordered(
        self, request: Request, sort: str, limit: int, tier: str | None, among: set[str] | None
    ) -> Response:
        held = cursor.after(request, sort, (str,))
        members: list[str] = []
        async for chunk in self._members(sort, held[0] if held else "", tier, among):
            members += [one for one in chunk if among is None or lead_of(one) in among]
            if len(members) > limit:
                break
        following = cursor.dump(sort, members[limit - 1]) if len(members) > limit else None
        leads = list(dict.fromkeys(map(lead_of, members[:limit])))
        records = await records_of(self._desk, leads)
        return await self._page(list(records.values()), self._desk.now(), following)

    async def _members(
        self, sort: str, after: str, tier: str | None, among: set[str] | None
    ) -> AsyncIterator[list[str]]:
        if among is not None and len(among) <= _FEW:
            records = await records_of(self._desk, sorted(among))
            recents = await newest(self._desk.cache, records)
            yield sorted(
                member
                for lead, record in records.items()
                if (tier is None or record["tier"] == tier)
                and (member := sort_member(sort, lead, record, recents.get(lead), self._desk.scoring)) > after
            )
            return
        tiers = [tier] if tier else self._desk.scoring.tiers
        async for chunk in merged([self._members_of(sort, after, one) for one in tiers], _CHUNK):
            yield chunk

    async def _members_of(self, sort: str, after: str, tier: str) -> AsyncIterator[list[str]]:
        name = self._desk.cache.key(order_key(sort, self._desk.scoring, tier))
        least = f"({after}" if after else "-"
        while found := await self._desk.cache.redis.zrangebylex(name, least, "+", start=0, num=_CHUNK):
            yield list(found)
            least = f"({found[-1]}"

    async def _page(self, records: list[Record], now: Micros, following: str | None) -> Response:
        views = await views_of(self._desk, records, now)
        await self._histories.sparks(records, views, now)
        return Json({"leads": views, "next": following, "as_of": format_time(now)})


def _moment(given: int) -> Micros:
    if not 0 <= given <= 250_000 * 10**12:
        raise Refusal(400, "after: it is no `next` of a page")
    return Micros(given)


async def lead_asked_for(desk: Desk, request: Request) -> Record:
    """The record of the lead in the path; Refusal 404 where there is none."""
    identity = request.path_params["id"]
    lead = await resolve(desk, identity)
    records = await records_of(desk, [lead]) if lead is not None else {}
    if lead is None or lead not in records:
        raise Refusal(404, "no such lead: nothing is known under this id")
    return records[lead]
