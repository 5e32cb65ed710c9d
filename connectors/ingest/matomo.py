"""Matomo's tracking protocol: one request in query or form, or many in a JSON body."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.ingest.dwell import PageViews
from connectors.ingest.errors import RefusedError
from connectors.ingest.forms import form
from connectors.ingest.intake import Intake, Rejected, require_few
from connectors.ingest.keys import Key
from connectors.ingest.lenient import mended
from connectors.ingest.matomo_events import Arrival, translate
from connectors.ingest.pixel import pixel
from connectors.ingest.protocol import Context, Head, Parcel
from scorer.errors import EventError

PATHS: Final = ("/matomo.php", "/piwik.php")
_bulk: Final = msgspec.json.Decoder(dict[str, Any])


class Hit(bytes):
    """The parameters of one request as JSON, its site, and its token, which is kept out of the bytes."""

    site: str | None = None
    token: str | None = None


@dataclass(frozen=True)
class Wanted:
    """The kind of answer that is expected."""

    bulk: bool = False
    image: bool = True


class Matomo:
    """The protocol of Matomo's trackers."""

    name: Final = "matomo"
    paths: Final = dict.fromkeys(PATHS, ("GET", "POST"))

    def __init__(self) -> None:
        self._views = PageViews()

    def key_of(self, head: Head) -> Key | None:
        """The site in the query, where no body can name another; or a secret key as token."""
        if head.method == "POST" and head.headers.get("content-length") != "0":
            return None
        return _key(head.query.get("idsite"), head.query.get("token_auth"))

    def parcel(self, head: Head, body: bytes) -> Parcel:
        """The requests; a HEAD makes none."""
        body = body.strip() if head.method == "POST" else b""
        asked = dict(head.query)
        if body.startswith(b"{"):
            return _bulk_parcel(body, asked)
        try:
            asked |= form(body)
        except EventError as error:
            raise RefusedError(400, str(error)) from None
        hit = _hit(asked)
        hits = [] if head.method == "HEAD" else [hit]
        wanted = Wanted(image=asked.get("send_image") != "0")
        return Parcel(hits, [_key(hit.site, hit.token)], wanted, refusable=False)

    def events(self, item: bytes, context: Context) -> list[dict[str, Any]]:
        """What a request tells of."""
        head = context.head
        arrival = Arrival(
            received=head.received,
            trusted=context.is_secret(getattr(item, "token", None)),
            browser=head.from_browser,
            ip=head.ip,
            user_agent=head.user_agent,
            page=head.headers.get("referer"),
        )
        return translate(
            msgspec.json.decode(item, type=dict[str, str]), arrival, context.mapping, self._views
        )

    def answer(self, context: Context, rejected: Sequence[Rejected]) -> Response:
        """An image, nothing, or the counts of a bulk request."""
        wanted: Wanted = context.parcel.shared
        if wanted.bulk:
            tracked = len(context.parcel.items) - len(rejected)
            return JSONResponse({"status": "success", "tracked": tracked, "invalid": len(rejected)})
        return pixel() if wanted.image else Response(status_code=204)

    def others(self, intake: Intake) -> list[Route]:
        """None."""
        del intake
        return []


def _bulk_parcel(body: bytes, asked: dict[str, str]) -> Parcel:
    told = _object(body)
    requests = told.get("requests", [told])
    if not isinstance(requests, list):
        raise RefusedError(400, "requests: expected a list")
    require_few(len(requests))
    token = _text(told.get("token_auth")) or asked.get("token_auth")
    hits = [_hit(_parameters(one), token) for one in requests]
    keys = dict.fromkeys(_key(hit.site, hit.token) for hit in hits if hit.site)
    return Parcel(hits, list(keys) or [_key(None, token)], Wanted(bulk="requests" in told), refusable=False)


def _object(body: bytes) -> dict[str, Any]:
    try:
        try:
            return _bulk.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return _bulk.decode(mended(body))
    except (msgspec.DecodeError, EventError, RecursionError):
        raise RefusedError(400, 'no valid JSON: expected {"requests": ["?idsite=…", …]}') from None


def _parameters(request: object) -> dict[str, str]:
    """The parameters of one of many requests; what is no request has none, and is no event then."""
    if isinstance(request, str):
        try:
            return form(request)
        except EventError:
            return {}
    return {name: _text(value) for name, value in request.items()} if isinstance(request, dict) else {}


def _text(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return msgspec.json.encode(value).decode()


def _hit(parameters: dict[str, str], token: str | None = None) -> Hit:
    token = parameters.pop("token_auth", None) or token
    hit = Hit(msgspec.json.encode(parameters))
    hit.site, hit.token = parameters.get("idsite"), token
    return hit


def _key(site: str | None, token: str | None) -> Key:
    return tuple(key for key in (site, token) if key)
