"""`/v1/alerts`: what was announced, what sales answered, and what could not be delivered."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connectors.serve import cursor
from connectors.serve.account_index import rows_of
from connectors.serve.acts import deliveries_of
from connectors.serve.desk import Desk, Json, choice_of, limit_of
from connectors.serve.errors import Refusal
from connectors.serve.views import ABRIDGED, records_of, resolve, shown_answer, standing_answers, views_of
from scorer.times import Micros, format_time

Record = dict[str, Any]
_CHUNK: Final = 500


class Alerts:
    """Alerts."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        """The list and the single alert."""
        return [
            Route("/v1/alerts", self._desk.steady(self.listed), methods=["GET"]),
            Route("/v1/alerts/{id}", self._desk.steady(self.single), methods=["GET"]),
        ]

    async def single(self, request: Request) -> Response:
        """One alert."""
        return Json((await alert_views(self._desk, [await alert_asked_for(self._desk, request)]))[0])

    async def listed(self, request: Request) -> Response:
        """A page of alerts, newest first."""
        limit = limit_of(request)
        wanted = choice_of(request, "answered", ("yes", "no"), "")
        held = cursor.after(request, "alerts", (int, str))
        lead = request.query_params.get("lead")
        mine = await self._identities(lead) if lead else None
        found: list[tuple[Micros, str, Record]] = []
        start = 0
        while len(found) <= limit and (chunk := await self._chunk(start, held)):
            start += _CHUNK
            for at, alert in chunk:
                if held is not None and [at, alert["id"]] >= held:
                    continue
                if (mine is None or alert["lead_id"] in mine) and wanted in ("", _answered(alert)):
                    found.append((at, alert["id"], alert))
        page = found[:limit]
        following = cursor.dump("alerts", *page[-1][:2]) if len(found) > limit else None
        return Json({"alerts": await alert_views(self._desk, [one[2] for one in page]), "next": following})

    async def _identities(self, identity: str) -> set[str]:
        lead = await resolve(self._desk, identity)
        records = await records_of(self._desk, [lead]) if lead else {}
        if not records:
            raise Refusal(404, "no such lead: nothing is known under this id")
        return {one for record in records.values() for one in record["identities"]}

    async def _chunk(self, start: int, held: list[Any] | None) -> list[tuple[Micros, Record]]:
        """Some alerts, newest first, with what was answered."""
        cache = self._desk.cache
        top = "+inf" if held is None else held[0]
        ids = await cache.redis.zrevrangebyscore(
            cache.key("alerts_at"), top, "-inf", start=start, num=_CHUNK, withscores=True
        )
        if not ids:
            return []
        pipe = cache.redis.pipeline(transaction=False).hmget(cache.key("alerts"), [one for one, _ in ids])
        for one, _ in ids:
            pipe.hvals(cache.key("answers", one))
        texts, *answers = await pipe.execute()
        found = []
        for (_, at), text, given in zip(ids, texts, answers, strict=True):
            found.append((Micros(int(at)), _with_answer(msgspec.json.decode(text), given)))
        return found


def _with_answer(alert: Record, given: list[str]) -> Record:
    standing = standing_answers(given)
    alert["answer"] = shown_answer(standing[-1]) if standing else None
    return alert


def _answered(alert: Record) -> str:
    return "yes" if alert["answer"] else "no"


async def alert_asked_for(desk: Desk, request: Request) -> Record:
    """The alert in the path; Refusal 404 where there is none."""
    alert = request.path_params["id"]
    text, given = await (
        desk.cache.redis.pipeline(transaction=False)
        .hget(desk.cache.key("alerts"), alert)
        .hvals(desk.cache.key("answers", alert))
        .execute()
    )
    if text is None:
        raise Refusal(404, "no such alert")
    return _with_answer(msgspec.json.decode(text), given)


async def alert_views(desk: Desk, alerts: Sequence[Record]) -> list[Record]:
    """Alerts with how they were delivered, and their leads as they stand now."""
    leads = {one["lead_id"]: await resolve(desk, one["lead_id"]) for one in alerts}
    records = await records_of(desk, [lead for lead in set(leads.values()) if lead is not None])
    views = {view["lead_id"]: view for view in await views_of(desk, list(records.values()), desk.now())}
    pipe = desk.cache.redis.pipeline(transaction=False)
    for one in alerts:
        pipe.hvals(desk.cache.key("parked", one["id"]))
    parked = await pipe.execute() if alerts else []
    rows = await rows_of(desk.cache, {one["account"] for one in alerts if one.get("account")})
    known = await deliveries_of(desk.cache, [one["id"] for one in alerts])
    return [
        {
            "answer": None,
            **alert,
            "deliveries": _deliveries(sorted(texts), delivered),
            "lead": _abridged(views.get(leads[alert["lead_id"]] or "")),
            **_of_account(alert, rows),
        }
        for alert, texts, delivered in zip(alerts, parked, known, strict=True)
    ]


def _of_account(alert: Record, rows: dict[str, Record]) -> Record:
    """The tier that an account is in now, if it is an account's alert."""
    account = alert.get("account")
    return {"account_tier": rows[account]["tier"] if account in rows else None} if account else {}


def _abridged(view: Record | None) -> Record | None:
    if view is None:
        return None
    return {name: view[name] for name in (*ABRIDGED, "contributions") if name in view}


def _deliveries(texts: list[str], rows: list[Record]) -> list[Record]:
    """What became of an alert, by channel and destination.

    Where no row tells (rows are kept for a time), what was parked of it, and not let go since.
    """
    known = {(row["channel"], row["destination"]) for row in rows}
    parked = [one for one in _parked(texts) if (one["channel"], one.pop("destination", None)) not in known]
    return [*rows, *parked]


def _parked(texts: list[str]) -> list[Record]:
    """What was parked of an alert; by channel and destination the last word counts."""
    last: dict[tuple[str | None, ...], Record] = {}
    for text in texts:
        told = _delivery(text)
        last[told["channel"], told.get("destination")] = told
    return [one for one in last.values() if one["result"] != "dropped"]


def _delivery(text: str) -> Record:
    """A channel that would not take an alert, as the topic of undelivered alerts tells it.

    One that was asked for again is `retrying`, since `at`, until a row says more.
    """
    moment, _, value = text.partition("\n")
    try:
        told = msgspec.json.decode(value, type=dict[str, Any])
    except msgspec.DecodeError:
        told = {}
    names = ("channel", "destination", "result", "reason", "at")
    shown = {name: told[name] for name in names if isinstance(told.get(name), str)}
    if shown.get("result") == "retry":
        shown["result"] = "retrying"
    return {"channel": None, "result": "parked", "at": format_time(int(moment)), **shown}
