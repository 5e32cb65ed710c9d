"""Puts the gateway together: an app that takes events by HTTP and hands them to the broker."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.hang_up import end
from connectors.ingest import browser_script, health, links, mail_pages, native, receiving
from connectors.ingest.address_limit import AddressLimit
from connectors.ingest.arrivals import Arrivals
from connectors.ingest.config import GatewayConfig
from connectors.ingest.cors import IngestCors
from connectors.ingest.direct import Direct
from connectors.ingest.errors import RefusedError
from connectors.ingest.intake import Intake
from connectors.ingest.limits import RateLimit
from connectors.ingest.link_tokens import LinkKeys
from connectors.ingest.mapping import load_mapping
from connectors.ingest.openapi import document
from connectors.ingest.outbox import Outbox
from connectors.ingest.producer import EventProducer
from connectors.ingest.refusals import refused
from connectors.ingest.robots.judge import Judge
from connectors.ingest.robots.rules import load_rules
from connectors.ingest.sources import Sources
from connectors.ingest.trackers import TRACKERS
from connectors.ingest.webhooks import receiving as webhooks
from connectors.observe import Observe
from connectors.routing import RouteTable


def create_app(config: GatewayConfig) -> Starlette:
    """A fresh gateway; raises ConfigError where a setting is wrong. It needs its lifespan to be run."""
    producer = EventProducer(config)
    sources = Sources(config)
    intake = Intake(
        config,
        sources,
        RateLimit(config.requests_per_second),
        producer,
        load_mapping(config.mapping),
        LinkKeys(config.link_keys),
        Judge(load_rules(config.robots)),
    )
    outbox = Outbox(producer, links.PROTOCOL)
    ingest = [
        *native.routes(intake),
        *(route for tracker in TRACKERS for route in receiving.routes(intake, tracker)),
        *webhooks.routes(intake),
    ]
    others = [
        *browser_script.routes(),
        *links.routes(intake, outbox),
        *mail_pages.routes(intake),
        *health.routes(producer),
        Route("/openapi.json", _openapi, methods=["GET"]),
    ]

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await producer.start()
        await outbox.start()
        watching = asyncio.create_task(sources.watch(), name="gateway watches its sources")
        try:
            yield
        finally:
            await end(watching)
            await outbox.stop()
            await producer.stop()

    return Starlette(
        routes=[*ingest, *others],
        middleware=_middleware(config, producer, sources, ingest, [*ingest, *others]),
        exception_handlers={RefusedError: _refuse, HTTPException: _nowhere},
        lifespan=lifespan,
    )


def _middleware(
    config: GatewayConfig,
    producer: EventProducer,
    sources: Sources,
    ingest: Sequence[Route],
    every: Sequence[Route],
) -> list[Middleware]:
    ingest_table, table = RouteTable(ingest), RouteTable(every)

    def is_ingest(path: str) -> bool:
        return ingest_table.route_of(path) is not None

    arrivals = Middleware(
        Arrivals,
        offer=producer.offer,
        route_of=ingest_table.route_of,
        open_route_of=table.route_of,
    )
    found = [
        Middleware(Observe, route_of=table.route_of),
        *([arrivals] if config.arrivals else []),
        Middleware(IngestCors, allows=sources.allows_origin, is_ingest=is_ingest),
    ]
    if config.requests_per_address is not None:
        limit = RateLimit(config.requests_per_address, whose="from this address", reason="address_too_fast")
        found.append(Middleware(AddressLimit, limit=limit, is_ingest=is_ingest))
    return [*found, Middleware(Direct, routes=ingest, refuse=refused)]


async def _openapi(_: Request) -> Response:
    return JSONResponse(document())


async def _refuse(_: Request, refusal: Exception) -> Response:
    if not isinstance(refusal, RefusedError):
        raise refusal
    return refused(refusal)


async def _nowhere(_: Request, error: Exception) -> Response:
    """What Starlette itself refuses, as everything else is refused: no such path, or not by this method."""
    if not isinstance(error, HTTPException):
        raise error
    answer = refused(RefusedError(error.status_code, error.detail.lower()))
    answer.headers.update(error.headers or {})
    return answer
