"""Snowplow's tracker protocol: batches by POST, one event in the query of a pixel."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from starlette.requests import Request, cookie_parser
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from connectors.ingest.batches import items_of, keys_of, message_of, opened
from connectors.ingest.errors import RefusedError
from connectors.ingest.intake import Intake, Rejected
from connectors.ingest.pixel import pixel
from connectors.ingest.protocol import Context, Head, Parcel
from connectors.ingest.snowplow_events import Arrival, translate
from scorer.errors import EventError

PATH: Final = "/com.snowplowanalytics.snowplow/tp2"
VENDOR_PATH: Final = "/{vendor}/{version}"
PIXEL_PATHS: Final = ("/i", "/ice.png")
HEALTH_PATH: Final = "/health"


class _Keyed(msgspec.Struct):
    aid: str | int | None = None


_keyed: Final = msgspec.json.Decoder(_Keyed)


class Snowplow:
    """The protocol of Snowplow's trackers."""

    name: Final = "snowplow"
    paths: Final[Mapping[str, Sequence[str]]] = {
        PATH: ("GET", "POST"),
        **dict.fromkeys(PIXEL_PATHS, ("GET",)),
        VENDOR_PATH: ("POST",),
    }

    def key_of(self, head: Head) -> str | None:
        """The app id in the query."""
        return head.query.get("aid")

    def parcel(self, head: Head, body: bytes) -> Parcel:
        """A batch, or the query where there is nothing else."""
        if not body.strip() and head.query:
            items = [msgspec.json.encode(dict(head.query))]
        else:
            told, text = opened(body, "data")
            items = items_of(told, "data") if "data" in told else [text]
        return Parcel(items, keys_of(items, lambda item: _keyed.decode(item).aid))

    def events(self, item: bytes, context: Context) -> list[dict[str, Any]]:
        """The event of an item, and what ties its two identities."""
        head = context.head
        told = message_of(item)
        if not isinstance(told, dict):
            raise EventError("expected an object")
        if "aid" not in head.query and str(told.get("aid", "")) not in context.parcel.keys:
            raise EventError("aid: missing: expected the app id, by which a tracker is known here")
        told |= head.query
        return translate(told, _arrival(head), context.mapping)

    def answer(self, context: Context, rejected: Sequence[Rejected]) -> Response:
        """The pixel or `ok`: a tracker that is told of an item that can't be read sends all of them again."""
        del rejected
        return pixel() if context.head.path in PIXEL_PATHS else PlainTextResponse("ok")

    def refused(self, refusal: RefusedError) -> RefusedError:
        """400 for 413, after which trackers would send the same again for ever."""
        return RefusedError(400, refusal.message) if refusal.status == 413 else refusal

    def others(self, intake: Intake) -> list[Route]:
        """What collectors answer to those who watch them."""
        del intake

        async def health(_: Request) -> Response:
            return PlainTextResponse("ok")

        return [Route(HEALTH_PATH, health, methods=["GET"])]


def _arrival(head: Head) -> Arrival:
    """What is known of the person by the request, unless they asked that nothing be."""
    if "sp-anonymous" in head.headers:
        return Arrival(head.received, anonymous=True)
    if not head.from_browser:
        return Arrival(head.received)
    cookies = cookie_parser(head.headers.get("cookie", ""))
    return Arrival(head.received, head.ip, head.user_agent, cookies.get("sp"))
