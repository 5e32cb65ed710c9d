"""What e-mails load and link to: the pixel that tells of an opening, the redirect that tells of a click."""

import asyncio
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from connectors.ingest.intake import Admission, Intake
from connectors.ingest.link_tokens import Link
from connectors.ingest.metrics import INGESTED, of_source
from connectors.ingest.outbox import Outbox
from connectors.ingest.pixel import pixel
from connectors.ingest.producer import Outgoing
from connectors.ingest.records import event_record
from connectors.ingest.shape import Shape
from connectors.ingest.source import Source, dropped
from scorer.times import SECOND, Micros, format_time

PROTOCOL: Final = "links"
OPEN_PATH: Final = "/o/{token}.gif"
CLICK_PATH: Final = "/c/{token}"
TIE: Final = "lh"
"""The parameter by which the site's script hears whose click it was; the script knows it by this name."""
_TIE_LASTS_US: Final = 10 * 60 * SECOND
"""Long enough for a slow page and a banner; who is sent the address later is not taken for the lead."""
_PRIVATE: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
_MOST_AGENT: Final = 500
"""Characters kept of what a client calls itself: an event must not outgrow its limit by them."""
_NO_SOURCE: Final = Source(PROTOCOL)
_REFUSAL: Final = "<!doctype html><title>404</title><p>This link is not valid, or not any more.</p>"


def routes(intake: Intake, outbox: Outbox) -> list[Route]:
    """The two paths. HEAD is answered as GET is, and tells of nothing: machines ask so."""

    async def opened(request: Request) -> Response:
        link = intake.links.read("open", request.path_params["token"])
        await _note(intake, outbox, request, link, "email_open")
        return pixel()

    async def clicked(request: Request) -> Response:
        link = intake.links.read("click", request.path_params["token"])
        await _note(intake, outbox, request, link, "email_click")
        if link is None or link.to is None:
            return HTMLResponse(_REFUSAL, 404, _PRIVATE)
        return Response(status_code=302, headers={**_PRIVATE, "Location": _target(intake, link, link.to)})

    return [
        Route(OPEN_PATH, opened, methods=["GET"]),
        Route(CLICK_PATH, clicked, methods=["GET"]),
    ]


async def _note(intake: Intake, outbox: Outbox, request: Request, link: Link | None, of_type: str) -> None:
    if link is None:
        INGESTED.labels(PROTOCOL, "rejected").inc()
    elif request.method == "GET" and "prefetch" not in request.headers.get("sec-purpose", ""):
        admission = _admission(intake, link, request)
        source = admission.source
        if source.rate is not None and intake.of_sources.wait_s(source.name, source.rate):
            of_source(source.name, "rejected").inc()
            INGESTED.labels(PROTOCOL, "rejected").inc()
            return
        event = msgspec.json.encode(_event(link, of_type, request, intake.config.clock()))
        limits = intake.config.max_event_bytes, intake.config.shape
        _, before = intake.judged(_handed_over(link, limits))
        found = await intake.sift([event], lambda raw: [event_record(raw, *limits)], admission)
        INGESTED.labels(PROTOCOL, "rejected").inc(len(found.rejected))
        if link.source is not None:
            of_source(source.name, "accepted").inc(len(found.records))
        await asyncio.gather(*map(outbox.put, (*before, *found.records, *found.retractions)))


def _admission(intake: Intake, link: Link, request: Request) -> Admission:
    """The source that the link names. Of one that is no more, nobody knows what it may keep of an address."""
    if link.source is None:
        return Admission(_NO_SOURCE)
    source = intake.sources.named(link.source) or Source(link.source, address=dropped)
    return Admission(source, source.exclusions.cover_browser(request.cookies))


def _handed_over(link: Link, limits: tuple[int, Shape]) -> list[Outgoing]:
    """For the judge of robots: when the mail was sent, if the link says so. Its sender publishes it."""
    if link.sent is None:
        return []
    event = {
        "id": f"{link.message}/delivered",
        "type": "email_delivered",
        "lead_id": link.lead,
        "time": format_time(link.sent),
        "properties": {"campaign": link.campaign, "message_id": link.message},
    }
    return [event_record(msgspec.json.encode(event), *limits)]


def _event(link: Link, of_type: str, request: Request, at: Micros) -> dict[str, Any]:
    properties = {"campaign": link.campaign, "message_id": link.message, "link": link.to}
    context: dict[str, Any] = {
        "channel": "email",
        "user_agent": request.headers.get("user-agent", "").strip()[:_MOST_AGENT],  # none is a sign too
    }
    if request.client:
        context["ip"] = request.client.host
    if link.honeypot:
        context["honeypot"] = True
    return {
        "id": uuid4().hex,
        "type": of_type,
        "lead_id": link.lead,
        "time": format_time(at),
        "properties": {name: value for name, value in properties.items() if value is not None},
        "context": context,
    }


def _target(intake: Intake, link: Link, to: str) -> str:
    """Where the click leads, with a word for the site's script if the link was made so."""
    if not link.ties:
        return to
    token = intake.links.sign(Link("tie", link.lead, until=Micros(intake.config.clock() + _TIE_LASTS_US)))
    parts = urlsplit(to)
    query = f"{parts.query}&{TIE}={token}" if parts.query else f"{TIE}={token}"
    return parts._replace(query=query).geturl()
