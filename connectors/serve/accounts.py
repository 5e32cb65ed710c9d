"""`/v1/accounts`: companies as the leads that work there, the hottest first or by name; one, and its plays.

A row of `leadheat.accounts` says which tier an account is in, and since when; its score is made anew from its
leads at the moment of asking. A name that has no row, a company whose leads count for its domain, or any
where nobody keeps accounts, is shown as the leads that bear it.
"""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connectors.routing import BelowRoute
from connectors.serve import cursor
from connectors.serve.account_index import BY_NAME, BY_SCORE, account_of, rows_of
from connectors.serve.desk import MOST, Desk, Json, choice_of, limit_of
from connectors.serve.errors import Refusal
from connectors.serve.lead_index import name_of, words_of
from connectors.serve.ranking import Bounded, hottest
from connectors.serve.views import records_of, views_of
from scorer import account_name
from scorer.account_name import account_key
from scorer.times import Micros, format_time, parse_time

SORTS: Final = ("score", "name")
_CHUNK: Final = 200
_LEADS: Final = 1_000
_SHOWN: Final = 5
Record = dict[str, Any]
Scored = tuple[float, Record]


class Accounts:
    """Companies."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        """The list, the single account, and its plays."""
        return [
            Route("/v1/accounts", self._desk.steady(self.listed), methods=["GET"]),
            BelowRoute("/v1/accounts/{id:identity}/plays", self._desk.steady(self.plays), methods=["GET"]),
            Route("/v1/accounts/{id:identity}", self._desk.steady(self.single), methods=["GET"]),
        ]

    async def single(self, request: Request) -> Response:
        """An account's score, its leads by tier, and the hottest of them."""
        limit = limit_of(request, MOST)
        now = self._desk.now()
        view, _, scored = await self._asked(request, now)
        leads = await views_of(self._desk, [record for _, record in scored[:limit]], now)
        return Json(view | {"leads": leads})

    async def plays(self, request: Request) -> Response:
        """Of each play of accounts why it went off for one, or does not."""
        now = self._desk.now()
        view, row, _ = await self._asked(request, now)
        last = {play: parse_time(at) for play, at in (row or {}).get("raised", {}).items()}
        plays = self._desk.scoring.account_why_not(view, last, now)
        return Json({"account": view["account"], "as_of": view["as_of"], "plays": plays})

    async def _asked(self, request: Request, now: Micros) -> tuple[Record, Record | None, list[Scored]]:
        """The account of a request, its row if it is kept, and its leads; Refusal 404 where it has none."""
        account = account_key(request.path_params["id"])
        row = (await rows_of(self._desk.cache, [account])).get(account)
        scored = (await self._leads_of([account], now, own=row is not None))[account]
        if not scored:
            raise Refusal(404, "no such account: no lead has this e-mail domain or company")
        return self._view(account, row, scored, now), row, scored

    async def listed(self, request: Request) -> Response:
        """A page of the accounts."""
        limit = limit_of(request)
        sort = choice_of(request, "sort", SORTS, "score")
        tier = choice_of(request, "tier", self._desk.scoring.scale.tiers, "") or None
        words = words_of(request.query_params.get("q", "").strip()[:200])
        if sort == "score":
            return await self._hottest(request, limit, tier, words)
        return await self._by_name(request, limit, tier, words)

    async def _hottest(self, request: Request, limit: int, tier: str | None, words: list[str]) -> Response:
        held = cursor.after(request, "accounts", (int, float, str))
        now = self._desk.now() if held is None else Micros(held[0])
        known: dict[str, Record] = {}
        members: dict[str, list[Scored]] = {}

        async def score(accounts: Sequence[str]) -> dict[str, float]:
            rows = await rows_of(self._desk.cache, accounts)
            wanted = {one: row for one, row in rows.items() if _asked_for(row, tier, words)}
            leads = await self._leads_of(list(wanted), now, own=True)
            known.update(wanted)
            members.update(leads)
            return {one: self._total(scored) for one, scored in leads.items() if scored}

        best = await hottest(self._bounds(), score, limit + 1, (held[1], held[2]) if held else None)
        following = cursor.dump("accounts", now, *best[limit - 1]) if len(best) > limit else None
        page = [one for _, one in best[:limit]]
        return self._page([self._short(one, known[one], members[one], now) for one in page], now, following)

    async def _bounds(self) -> AsyncIterator[list[Bounded]]:
        name, start = self._desk.cache.key(BY_SCORE), 0
        while found := await self._desk.cache.redis.zrevrange(
            name, start, start + _CHUNK - 1, withscores=True
        ):
            yield [(float(bound), str(account)) for account, bound in found]
            start += _CHUNK

    async def _by_name(self, request: Request, limit: int, tier: str | None, words: list[str]) -> Response:
        held = cursor.after(request, "accounts_by_name", (str,))
        now = self._desk.now()
        name, least = self._desk.cache.key(BY_NAME), f"({held[0]}" if held else "-"
        found: list[tuple[str, Record]] = []
        while len(found) <= limit and (
            members := await self._desk.cache.redis.zrangebylex(name, least, "+", start=0, num=_CHUNK)
        ):
            least = f"({members[-1]}"
            rows = await rows_of(self._desk.cache, map(account_of, members))
            rows = {one: row for one, row in rows.items() if _asked_for(row, tier, words)}
            found += [(one, rows[account_of(one)]) for one in members if account_of(one) in rows]
        following = cursor.dump("accounts_by_name", found[limit - 1][0]) if len(found) > limit else None
        page = [row for _, row in found[:limit]]
        leads = await self._leads_of([row["account"] for row in page], now, own=True)
        shown = [self._short(row["account"], row, leads[row["account"]], now) for row in page]
        return self._page(shown, now, following)

    def _page(self, accounts: list[Record], now: Micros, following: str | None) -> Response:
        return Json({"accounts": accounts, "next": following, "as_of": format_time(now)})

    async def _leads_of(self, accounts: Sequence[str], now: Micros, *, own: bool) -> dict[str, list[Scored]]:
        """The leads of some accounts with their scores, the highest first.

        `own`: only those that count for the account, not those that are but found by its name.
        """
        cache = self._desk.cache
        pipe = cache.redis.pipeline(transaction=False)
        for account in accounts:
            pipe.zrange(cache.key("account", account), 0, -1)
        found = dict(zip(accounts, await pipe.execute() if accounts else [], strict=True))
        leads = sorted({lead for members in found.values() for lead in members})
        records: dict[str, Record] = {}
        for start in range(0, len(leads), _LEADS):
            records |= await records_of(self._desk, leads[start : start + _LEADS])
        scores = {lead: self._desk.scoring.score(record, now) for lead, record in records.items()}
        return {
            account: sorted(
                (
                    (scores[lead], records[lead])
                    for lead in members
                    if lead in records
                    and (not own or account_name.account_of(records[lead]["traits"]) == account)
                ),
                key=lambda one: (-one[0], one[1]["lead_id"]),
            )
            for account, members in found.items()
        }

    def _total(self, scored: Sequence[Scored]) -> float:
        scoring = self._desk.scoring
        return scoring.scale.total([(scoring.as_member(record), score) for score, record in scored])

    def _short(self, account: str, row: Record, scored: Sequence[Scored], now: Micros) -> Record:
        """An account as the list shows it, with its hottest leads."""
        leads = [
            {"lead_id": one["lead_id"], "name": name_of(one), "score": score, "tier": one["tier"]}
            for score, one in scored[:_SHOWN]
        ]
        return self._view(account, row, scored, now) | {"leads": leads}

    def _view(self, account: str, row: Record | None, scored: Sequence[Scored], now: Micros) -> Record:
        records = [record for _, record in scored]
        total = self._total(scored)
        scale = self._desk.scoring.scale
        tier, since = (row["tier"], row.get("since")) if row else (None, None)
        if tier is None:
            members = [self._desk.scoring.as_member(one) for one in records]
            tier = scale.tiers[scale.decide(members, total, 0)]
        named = (one["traits"].get("company") for one in records)
        return {
            "account": account,
            "company": next((one for one in named if isinstance(one, str) and one.strip()), None),
            "score": total,
            "tier": tier,
            "since": since,
            "tiers": dict(Counter(one["tier"] for one in records)),
            "count": len(records),
            "as_of": format_time(now),
        }


def _asked_for(row: Record, tier: str | None, words: list[str]) -> bool:
    """Whether an account is in a tier, and every word begins one of its name's."""
    if tier is not None and row["tier"] != tier:
        return False
    own = words_of(f"{row.get('company') or ''} {row['account']}") if words else []
    return all(any(one.startswith(word) for one in own) for word in words)
