"""Google Analytics 4: the Measurement Protocol of servers and apps, and the web protocol of gtag.js."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.ingest.errors import RefusedError
from connectors.ingest.forms import form
from connectors.ingest.ga4_events import (
    Hit,
    Sender,
    hit_of_body,
    hit_of_query,
    identify,
    sender_of_body,
    sender_of_query,
    translate,
)
from connectors.ingest.intake import Intake, Rejected
from connectors.ingest.keys import Key
from connectors.ingest.lenient import mended
from connectors.ingest.mapping import SourceMapping
from connectors.ingest.protocol import Context, Head, Parcel, head_of
from connectors.ingest.records import event_record
from scorer.errors import EventError
from scorer.times import Micros

SERVER_PATH: Final = "/mp/collect"
VALIDATION_PATH: Final = "/debug/mp/collect"
WEB_PATH: Final = "/g/collect"

_KEYS: Final = ("measurement_id", "firebase_app_id", "tid", "api_secret")
_MOST_EVENTS: Final = 1_000
"""Of a request, of which Google takes 25: each is sent on with what the request says of all."""
_MOST_LINES: Final = 100
"""Of a web request, some 20 in earnest: each is read with the whole query."""
_MOST_CHECKED: Final = 100
_MOST_BYTES: Final = 32_000

_object: Final = msgspec.json.Decoder(dict[str, Any])


class Part(bytes):
    """One event of a request as JSON, or what the request says of its sender."""

    sender: Sender
    place: int = 0
    read: Callable[[Any, Sender], Hit] | None = None
    """None: it says who sent it."""


class GA4:
    """The protocols of Google Analytics 4."""

    name: Final = "ga4"
    paths: Final = {SERVER_PATH: ("POST",), WEB_PATH: ("GET", "POST")}

    def key_of(self, head: Head) -> Key | None:
        """The stream, or a secret as api_secret; all protocols have them in the query."""
        return tuple(key for name in _KEYS if (key := head.query.get(name)))

    def parcel(self, head: Head, body: bytes) -> Parcel:
        """The events, and before them who sent them; a HEAD makes none."""
        if head.path == SERVER_PATH:
            return Parcel(_parts_of_body(_told(body), head.received), refusable=False)
        return Parcel([] if head.method == "HEAD" else _parts_of_query(head, body), refusable=False)

    def events(self, item: bytes, context: Context) -> list[dict[str, Any]]:
        """What a part tells of."""
        trusted = context.is_secret(context.head.query.get("api_secret"))
        return _events(item, context.mapping, trusted)

    def answer(self, context: Context, rejected: Sequence[Rejected]) -> Response:
        """Nothing, whatever came."""
        del context, rejected
        return Response(status_code=204)

    def others(self, intake: Intake) -> list[Route]:
        """The validation server, which keeps nothing."""

        async def validate(request: Request) -> Response:
            head = head_of(request, intake.config.clock())
            intake.admit(self.name, self.key_of(head))
            messages = _messages(head, await intake.body(request), intake.mapping(self.name))
            return JSONResponse({"validationMessages": messages})

        return [Route(VALIDATION_PATH, validate, methods=["POST"])]


def _events(item: bytes, mapping: SourceMapping, trusted: bool) -> list[dict[str, Any]]:
    if not isinstance(item, Part):
        raise EventError("expected a part of a request")
    if item.read is None:
        return [identify(item.sender, mapping, trusted)]
    hit = item.read(msgspec.json.decode(item), item.sender)
    return translate(hit, item.sender, item.place, mapping, trusted)


def _parts_of_body(told: dict[str, Any], received: Micros) -> list[Part]:
    events = told.get("events")
    if not isinstance(events, list):
        raise RefusedError(400, "events: expected a list")
    _require_few(len(events), _MOST_EVENTS)
    sender = sender_of_body(told, received)
    parts = [_part(event, sender, place, hit_of_body) for place, event in enumerate(events)]
    return [*_who_sent(sender), *parts]


def _parts_of_query(head: Head, body: bytes) -> list[Part]:
    """Each line of the body is an event of its own, which shares what the query says."""
    parts: list[Part] = []
    shared = {name: value for name, value in head.query.items() if name != "api_secret"}
    last: Sender | None = None
    lines = body.strip().splitlines() or [b""]
    _require_few(len(lines), _MOST_LINES)
    for place, line in enumerate(lines):
        try:
            told = shared | form(line)
        except EventError as error:
            raise RefusedError(400, str(error)) from None
        sender = sender_of_query(told, head.received, head.ip, head.user_agent)
        if last is None or (sender.lead_id, sender.traits) != (last.lead_id, last.traits):
            parts += _who_sent(sender)
        last = sender
        parts.append(_part(told, sender, place, lambda hit, _: hit_of_query(hit)))
    return parts


def _require_few(found: int, most: int) -> None:
    if found > most:
        raise RefusedError(413, f"more than {most} events in one request")


def _part(told: Any, sender: Sender, place: int, read: Callable[[Any, Sender], Hit]) -> Part:
    part = Part(msgspec.json.encode(told))
    part.sender, part.place, part.read = sender, place, read
    return part


def _who_sent(sender: Sender) -> list[Part]:
    if not sender.tells_who:
        return []
    part = Part(msgspec.json.encode({"user_id": sender.lead_id, "client_id": sender.anonymous_id}))
    part.sender = sender
    return [part]


def _told(body: bytes) -> dict[str, Any]:
    try:
        try:
            return _object.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return _object.decode(mended(body))
    except (msgspec.DecodeError, EventError, RecursionError):
        raise RefusedError(400, "no valid JSON: expected an object with a list of events") from None


def _messages(head: Head, body: bytes, mapping: SourceMapping) -> list[dict[str, str]]:
    """What is wrong with a request, as Google's validation server says it."""
    try:
        told = _told(body)
        parts = _parts_of_body(told, head.received)
    except RefusedError as refusal:
        return [_message("events", refusal.message, "VALUE_INVALID")]
    found = []
    if not told.get("client_id") and not told.get("app_instance_id"):
        found.append(_message("client_id", "client_id: missing", "VALUE_REQUIRED"))
    if not told["events"]:
        found.append(_message("events", "events: expected at least one", "VALUE_REQUIRED"))
    for part in parts[:_MOST_CHECKED]:
        field = "user_properties" if part.read is None else f"events[{part.place}]"
        try:
            for event in _events(part, mapping, trusted=False):
                event_record(msgspec.json.encode(event), _MOST_BYTES)
        except EventError as error:
            code = "NAME_INVALID" if str(error).startswith("name") else "VALUE_INVALID"
            found.append(_message(field, str(error), code))
        except (msgspec.MsgspecError, OverflowError, RecursionError):
            found.append(_message(field, "no valid JSON", "VALUE_INVALID"))
    return found


def _message(path: str, description: str, code: str) -> dict[str, str]:
    return {"fieldPath": path, "description": description, "validationCode": code}
