"""`/v1/accounts/{id}`: a company as its leads: by the domain of their work e-mail, or by its name.

An account is as hot as its hottest lead: the highest score of its leads, and that lead's tier. Adding up
would let forty lukewarm colleagues pass for a buyer; how many there are of each tier is told beside it.
"""

from collections import Counter
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connectors.serve.desk import MOST, Desk, Json, limit_of
from connectors.serve.errors import Refusal
from scorer.account_name import account_key
from connectors.serve.ranking import Scored
from connectors.serve.views import records_of, views_of
from scorer.times import format_time

_CHUNK: Final = 1_000
Record = dict[str, Any]


class Accounts:
    """Companies."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        """The account."""
        return [Route("/v1/accounts/{id:identity}", self._desk.steady(self.account), methods=["GET"])]

    async def account(self, request: Request) -> Response:
        """An account's score, its leads by tier, and the hottest of them."""
        limit = limit_of(request, MOST)
        now = self._desk.now()
        account = account_key(request.path_params["id"])
        cache = self._desk.cache
        members = await cache.redis.zrange(cache.key("account", account), 0, -1)
        records: dict[str, Record] = {}
        for start in range(0, len(members), _CHUNK):
            records |= await records_of(self._desk, members[start : start + _CHUNK])
        if not records:
            raise Refusal(404, "no such account: no lead has this e-mail domain or company")
        scored: list[Scored] = [(self._desk.scoring.score(one, now), lead) for lead, one in records.items()]
        ranked = sorted(scored, key=lambda one: (-one[0], one[1]))
        first = records[ranked[0][1]]
        leads = await views_of(self._desk, [records[lead] for _, lead in ranked[:limit]], now)
        return Json(
            {
                "account": account,
                "company": next(
                    (one["traits"]["company"] for one in records.values() if one["traits"].get("company")),
                    None,
                ),
                "score": ranked[0][0],
                "tier": first["tier"],
                "tiers": dict(Counter(one["tier"] for one in records.values())),
                "count": len(records),
                "leads": leads,
                "as_of": format_time(now),
            }
        )
