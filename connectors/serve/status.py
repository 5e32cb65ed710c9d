"""`/v1/status`: how many leads there are, whether the picture is whole, and what the clock shows."""

from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connectors.serve.desk import Desk, Json
from connectors.serve.lead_index import order_key
from scorer.times import SECOND, format_time, parse_time

Record = dict[str, Any]
_LATE: Final = 10 * SECOND
"""Who is less behind than this is up to date: the scoring commits every few seconds."""


def routes(desk: Desk) -> list[Route]:
    """The status."""

    async def status(_: Request) -> Response:
        state = await state_of(desk)
        leads = None if state["rebuilding"] else await _leads(desk)
        grid = desk.scoring.grid
        return Json({"grid": grid.name, "version": grid.version, "leads": leads, **state, **clock_of(desk)})

    return [Route("/v1/status", status, methods=["GET"])]


async def state_of(desk: Desk) -> Record:
    """Whether the cache is whole, and up to when facts are counted where that is not now."""
    progress = await desk.cache.redis.get(desk.cache.key("progress"))
    whole = await desk.cache.built(desk.scoring.digest) is not None
    told = msgspec.json.decode(progress) if progress else {}
    counted_to = told.get("counted_to")
    late = counted_to is not None and parse_time(counted_to) < desk.now() - _LATE * clock_of(desk)["rate"]
    catching_up = {"counted_to": counted_to} if told.get("behind") and late else None
    return {"catching_up": catching_up, "rebuilding": not whole}


def clock_of(desk: Desk) -> Record:
    """What a client needs to run the same clock: a demo's runs faster until it meets the wall's."""
    now, scale = desk.now(), desk.config.timescale
    wall = desk.wall() if scale is not None else now
    hurried = scale is not None and scale.wall_from <= wall < scale.meets
    return {
        "now": format_time(now),
        "wall_now": format_time(wall),
        "rate": scale.rate if scale is not None and hurried else 1.0,
        "meets": format_time(scale.meets) if scale is not None and hurried else None,
    }


async def _leads(desk: Desk) -> Record:
    pipe = desk.cache.redis.pipeline(transaction=False)
    for tier in desk.scoring.tiers:
        pipe.zcard(desk.cache.key(order_key("score", desk.scoring, tier)))
    return dict(zip(desk.scoring.tiers, await pipe.execute(), strict=True))
