"""Puts the read API together: an app that answers from the cache and keeps the cache filled."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.hang_up import end
from connectors.observe import Observe
from connectors.routing import RouteTable
from connectors.serve import grid, health, pages, status
from connectors.serve.accounts import Accounts
from connectors.serve.alerts import Alerts
from connectors.serve.answer_page import AnswerPage
from connectors.serve.answers import Answers
from connectors.serve.arrivals import Arrivals
from connectors.serve.broadcast import Broadcast
from connectors.serve.cache import Cache
from connectors.serve.config import ServeConfig
from connectors.serve.curve import Curves
from connectors.serve.desk import Desk
from connectors.serve.errors import ConfigError, Refusal
from connectors.serve.feeder import Feeder
from connectors.serve.histories import Histories
from connectors.serve.lead_plays import LeadPlays
from connectors.serve.leads import Leads
from connectors.serve.openapi import document
from connectors.serve.publisher import Publisher
from connectors.serve.scoring import GridFile, Scoring
from connectors.serve.security import ReadersOnly, SecurityHeaders
from connectors.serve.sessions import Sessions
from connectors.serve.stream import EventStream
from connectors.serve.timeline import Timelines
from connectors.serve.write_keys import WriteKeys


def create_app(config: ServeConfig) -> Starlette:
    """A fresh read API; raises ConfigError or GridError where a setting or the grid is wrong.

    It needs its lifespan to be run. `app.state.end_streams()` ends the open event streams: a server that is
    told to stop calls it, since it would wait for them.
    """
    if not config.read_keys:
        raise ConfigError("no read key is set: nobody could read")
    grid_file = GridFile(config.grid)
    desk = Desk(config, Cache(config.redis, config.topic_prefix), grid_file.read())

    def adopt(scoring: Scoring) -> None:
        desk.scoring = scoring

    feeder = Feeder(config, desk.cache, grid_file, desk.scoring, adopt)
    broadcast = Broadcast(desk)
    arrivals = Arrivals(config.kafka, config.topic_prefix, desk.wall)
    publisher = Publisher(config.kafka, config.topic_prefix, config.clock)
    sessions = Sessions(
        config.read_keys, WriteKeys(config.write_keys, config.sources, config.environment).knows
    )
    routes = [*_routes(desk, feeder, broadcast, publisher, sessions), *arrivals.routes()]

    def end_streams() -> None:
        broadcast.close()
        arrivals.close()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(feeder.run()), asyncio.create_task(broadcast.run())]
        try:
            yield
        finally:
            end_streams()
            await end(*tasks)
            await arrivals.stop()
            await publisher.close()
            await feeder.close()
            await desk.cache.close()

    table = RouteTable(routes)
    app = Starlette(
        routes=[*routes, *pages.routes(sessions)],
        middleware=[
            Middleware(Observe, route_of=table.route_of),
            Middleware(SecurityHeaders),
            Middleware(ReadersOnly, sessions=sessions),
        ],
        exception_handlers={Refusal: _refuse, RedisError: _away, HTTPException: _http},
        lifespan=lifespan,
    )
    app.state.end_streams = end_streams
    return app


def _routes(
    desk: Desk, feeder: Feeder, broadcast: Broadcast, publisher: Publisher, sessions: Sessions
) -> list[Route]:
    histories = Histories(desk)
    answers = Answers(desk, publisher)
    return [
        *Timelines(desk, histories).routes(),
        *Curves(desk, histories).routes(),
        *LeadPlays(desk, histories).routes(),
        *Leads(desk, histories).routes(),
        *Accounts(desk).routes(),
        *answers.routes(),
        *AnswerPage(desk, answers).routes(),
        *Alerts(desk).routes(),
        *EventStream(desk, broadcast).routes(),
        *grid.routes(desk),
        *status.routes(desk),
        *sessions.routes(),
        *health.routes(desk, feeder),
        Route("/openapi.json", _openapi, methods=["GET"]),
    ]


async def _openapi(_: Request) -> Response:
    return JSONResponse(document())


async def _refuse(_: Request, refusal: Exception) -> Response:
    if not isinstance(refusal, Refusal):
        raise refusal
    headers = {"WWW-Authenticate": "Bearer"} if refusal.status == 401 else {}
    if refusal.retry_after_s is not None:
        headers["Retry-After"] = str(refusal.retry_after_s)
    return JSONResponse({"error": refusal.message}, refusal.status, headers)


async def _away(_: Request, error: Exception) -> Response:
    told = {"error": f"the cache does not answer: {type(error).__name__}"}
    return JSONResponse(told, 503, {"Retry-After": "1"})


async def _http(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)
