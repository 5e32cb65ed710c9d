"""Puts the gateway together: an app that takes events by HTTP and hands them to the broker."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.ingest import health, native, receiving
from connectors.ingest.arrivals import Arrivals, noted
from connectors.ingest.config import GatewayConfig
from connectors.ingest.cors import IngestCors
from connectors.ingest.errors import RefusedError
from connectors.ingest.intake import Intake
from connectors.ingest.keys import WriteKeys
from connectors.ingest.limits import RateLimit
from connectors.ingest.mapping import load_mapping
from connectors.ingest.openapi import document
from connectors.ingest.producer import EventProducer
from connectors.ingest.trackers import TRACKERS
from connectors.observe import Observe
from connectors.routing import RouteTable


def create_app(config: GatewayConfig) -> Starlette:
    """A fresh gateway; raises ConfigError where a setting is wrong. It needs its lifespan to be run."""
    producer = EventProducer(config)
    intake = Intake(
        config,
        WriteKeys(config.write_keys, config.read_keys),
        RateLimit(config.requests_per_second),
        producer,
        load_mapping(config.mapping),
    )
    ingest = [
        *native.routes(intake),
        *(route for tracker in TRACKERS for route in receiving.routes(intake, tracker)),
    ]
    others = [*health.routes(producer), Route("/openapi.json", _openapi, methods=["GET"])]

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await producer.start()
        try:
            yield
        finally:
            await producer.stop()

    return Starlette(
        routes=[*ingest, *others],
        middleware=_middleware(config, producer, ingest, [*ingest, *others]),
        exception_handlers={RefusedError: _refuse},
        lifespan=lifespan,
    )


def _middleware(
    config: GatewayConfig, producer: EventProducer, ingest: Sequence[Route], every: Sequence[Route]
) -> list[Middleware]:
    ingest_table, table = RouteTable(ingest), RouteTable(every)
    arrivals = Middleware(
        Arrivals,
        offer=producer.offer,
        route_of=ingest_table.route_of,
        open_route_of=table.route_of,
    )
    return [
        Middleware(Observe, route_of=table.route_of),
        *([arrivals] if config.arrivals else []),
        Middleware(
            IngestCors,
            origins=config.cors_origins,
            is_ingest=lambda path: ingest_table.route_of(path) is not None,
        ),
    ]


async def _openapi(_: Request) -> Response:
    return JSONResponse(document())


async def _refuse(_: Request, refusal: Exception) -> Response:
    if not isinstance(refusal, RefusedError):
        raise refusal
    noted().error = refusal.message
    headers = {"WWW-Authenticate": "Bearer"} if refusal.status == 401 else {}
    if refusal.retry_after_s is not None:
        headers["Retry-After"] = str(refusal.retry_after_s)
    return JSONResponse({"error": refusal.message}, refusal.status, headers)
