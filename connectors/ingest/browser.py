"""The protocol of LeadHeat's own browser script (`script/leadheat.js`).

A page shows its key, so what comes by it is what anybody may claim: only what a visitor does, only in the
fields named here. Who somebody is, `identify` says alone; what sales or a mail provider would say is refused.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.ingest.addresses import campaign_of
from connectors.ingest.errors import RefusedError
from connectors.ingest.intake import Intake, Rejected
from connectors.ingest.lenient import mended
from connectors.ingest.mapping import SourceMapping
from connectors.ingest.names import corrected, event_type, last_segment, properties_of, traits_of
from connectors.ingest.protocol import Context, Head, Parcel
from scorer.errors import EventError
from scorer.times import Micros, format_time, parse_time

PATH: Final = "/v1/e"

OWN: Final = frozenset(
    {"page_view", "page_time", "download", "form_submit", "link_click", "identify", "track"}
)
"""What the script may call an event; `track` has a name of the site's own."""
_TRUSTED: Final = frozenset({"outcome", "nps", "unsubscribe"})
"""Types that no page may tell, beside those of e-mails; `alias` is no name of an event anyway."""
_MOST_SECONDS: Final = 3_600
"""Of one `page_time`: the script tells it every half minute."""

_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class _Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request's body."""

    sent_at: str
    events: list[msgspec.Raw]


class _Told(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One event, in all the fields that a browser may set."""

    id: _Id
    type: str
    time: str
    anonymous_id: _Id
    name: str | None = None
    lead_id: str | int | None = None
    link: str | None = None
    properties: dict[str, Any] = {}
    traits: dict[str, Any] | None = None
    context: dict[str, str] | None = None


_envelope: Final = msgspec.json.Decoder(_Envelope)
_told: Final = msgspec.json.Decoder(_Told)


class Browser:
    """The protocol of our own script."""

    name: Final = "browser"
    paths: Final = {PATH: ("POST",)}

    def key_of(self, head: Head) -> str:
        """In the query: a header would cost every first request a preflight."""
        return head.query.get("key", "")

    def parcel(self, head: Head, body: bytes) -> Parcel:
        """The events, and the browser's clock when it sent them."""
        del head
        try:
            found = _decoded(_envelope, body)
            sent = parse_time(found.sent_at)
        except (msgspec.DecodeError, EventError, RecursionError, ValueError) as error:
            raise RefusedError(400, f'expected {{"sent_at": time, "events": […]}}: {error}'[:300]) from None
        return Parcel([bytes(one) for one in found.events], shared=sent)

    def events(self, item: bytes, context: Context) -> list[dict[str, Any]]:
        """The event that was told; none where a link's token says nothing (any more)."""
        told: _Told = _decoded(_told, item)
        if told.type not in OWN:
            raise EventError(f"type: expected one of {', '.join(sorted(OWN))}")
        about = _identify(told, context) if told.type == "identify" else _deed(told, context.mapping)
        if about is None:
            return []
        event = {
            "id": told.id,
            "anonymous_id": told.anonymous_id,
            "time": _time(told.time, context.parcel.shared, context.head.received),
            "context": _context(told, context.head),
        }
        return [event | about]

    def answer(self, context: Context, rejected: Sequence[Rejected]) -> Response:
        """What was not taken; the script does not read it, people do."""
        del context
        return JSONResponse({"rejected": [{"index": one.index, "error": str(one.error)} for one in rejected]})

    def others(self, intake: Intake) -> list[Route]:
        """None: the script itself is served to everybody."""
        del intake
        return []


def _decoded(decoder: msgspec.json.Decoder[Any], text: bytes) -> Any:
    try:
        return decoder.decode(text)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError):  # half of a character, where a site cut a text
        return decoder.decode(mended(text))


def _identify(told: _Told, context: Context) -> dict[str, Any] | None:
    """Who somebody is, by their own word or by a signed link's, which then says all there is."""
    if told.link is not None:
        lead = context.links.tied(told.link, context.head.received)
        return None if lead is None else {"type": "identify", "lead_id": lead}
    about = {"type": "identify", "traits": traits_of(told.traits or {}, context.mapping.traits)}
    return about if told.lead_id is None else {**about, "lead_id": str(told.lead_id)}


def _deed(told: _Told, mapping: SourceMapping) -> dict[str, Any]:
    """Type and properties of what a visitor did."""
    if told.lead_id is not None or told.traits is not None or told.link is not None:
        raise EventError("lead_id, traits, link: only an identify may have them")
    of_type, more = told.type, {}
    if told.type == "track":
        if not told.name:
            raise EventError("name: missing: expected the name of what happened")
        of_type, more = event_type(told.name, {}, mapping.events), {"event": told.name}
    if of_type in _TRUSTED or of_type.startswith("email_"):
        raise EventError(f"{of_type}: not for a page to tell: send it from a server, with a secret key")
    properties = {**told.properties, **more}
    if told.type == "download":
        properties.setdefault("asset", last_segment(str(properties.get("link", ""))))
    properties = properties_of(properties, of_type, mapping.properties)
    if of_type == "page_time":
        _require_duration(properties.get("duration_s"))
    return {"type": of_type, "properties": {name: one for name, one in properties.items() if one is not None}}


def _require_duration(value: object) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (number and 0 <= value <= _MOST_SECONDS):  # type: ignore[operator]
        raise EventError(f"duration_s: expected seconds from 0 to {_MOST_SECONDS}")


def _context(told: _Told, head: Head) -> dict[str, str]:
    """Whose browser it is, as the request says, and what brought them, as the page's address does."""
    campaign: Mapping[str, str] = {**(told.context or {}), **campaign_of(told.properties.get("url"))}
    found = {name: value for name, value in campaign.items() if name.startswith("utm_") and value}
    found |= {"channel": "browser"}
    if head.ip:
        found["ip"] = head.ip
    if head.user_agent:
        found["user_agent"] = head.user_agent
    return found


def _time(text: str, sent: Micros, received: Micros) -> str:
    try:
        return format_time(corrected(parse_time(text), sent, received))
    except ValueError as error:
        raise EventError(f"time: {error}") from None
