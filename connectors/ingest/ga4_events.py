"""Turns a hit of Google Analytics 4, of its Measurement Protocol or its web protocol, into events."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final

import msgspec

from connectors.ingest.addresses import campaign_of
from connectors.ingest.mapping import SourceMapping
from connectors.ingest.names import event_type, properties_of, traits_of
from scorer.errors import EventError
from scorer.ids import somebody
from scorer.times import DAY, Micros, format_time

_DEFINED: Final = {"screen_view": "page_view", "user_engagement": "page_time", "file_download": "download"}
_PAGE: Final = {"page_location": "url", "page_title": "title", "page_referrer": "referrer"}
_CAMPAIGN: Final = {
    "source": "utm_source",
    "medium": "utm_medium",
    "campaign": "utm_campaign",
    "term": "utm_term",
    "content": "utm_content",
    "campaign_id": "utm_id",
}
_CAMPAIGN_EVENTS: Final = frozenset({"page_view", "campaign_details", "session_start", "first_visit"})
_TECHNICAL: Final = frozenset(
    {"engagement_time_msec", "session_id", "ga_session_id", "ga_session_number", "debug_mode", "language"}
)
"""Parameters that say nothing of what happened."""
_STAYED_MS: Final = 1_000
"""Engagement from which an event tells of time on its page; servers send 1 or 100 to be counted as active."""
_OLDEST: Final = 3 * DAY
_CONSENT: Final = ("ad_user_data", "ad_personalization")
_LONGEST: Final = 512
"""Of what the request says of all its events; Google's ids have at most 256 characters."""

_WEB: Final = {
    "dl": "page_location",
    "dt": "page_title",
    "dr": "page_referrer",
    "ul": "language",
    "sid": "session_id",
    "_et": "engagement_time_msec",
    "cu": "currency",
}
_WEB_CAMPAIGN: Final = {
    "cs": "utm_source",
    "cm": "utm_medium",
    "cn": "utm_campaign",
    "ck": "utm_term",
    "cc": "utm_content",
    "ci": "utm_id",
}


@dataclass(frozen=True)
class Sender:
    """What a request says of all events in it."""

    received: Micros
    lead_id: str | None = None
    anonymous_id: str | None = None
    time: object = None
    traits: Mapping[str, Any] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tells_who(self) -> bool:
        """Whether it ties two ids or says what the person is like."""
        return bool(self.traits) or (self.lead_id is not None and self.anonymous_id is not None)


@dataclass(frozen=True)
class Hit:
    """One event as either protocol tells it."""

    name: object
    params: Mapping[str, Any]
    time: object = None
    mark: object = None
    """What tells it from a second happening of the same kind, where anything does."""


def sender_of_body(told: Mapping[str, Any], received: Micros) -> Sender:
    """The sender of a request of the Measurement Protocol."""
    properties = told.get("user_properties")
    given = properties.items() if isinstance(properties, dict) else ()
    consent = told.get("consent")
    consented = consent.items() if isinstance(consent, dict) else ()
    context = {
        "ip": _short(told.get("ip_override")),
        "user_agent": _short(told.get("user_agent")),
        "consent": {name: value for name, value in consented if name in _CONSENT and _short(value)},
    }
    return Sender(
        received,
        _identity(told.get("user_id")),
        _identity(told.get("client_id")) or _identity(told.get("app_instance_id")),
        told.get("timestamp_micros"),
        {name: value.get("value") if isinstance(value, dict) else value for name, value in given},
        {name: value for name, value in context.items() if value},
    )


def hit_of_body(event: object, sender: Sender) -> Hit:
    """One event of it; raises EventError where it is none."""
    if not isinstance(event, dict):
        raise EventError("expected an object")
    params = event.get("params")
    if params is not None and not isinstance(params, dict):
        raise EventError("params: expected an object")
    time = event.get("timestamp_micros") or sender.time
    return Hit(event.get("name"), params or {}, time, mark=time)


def sender_of_query(
    told: Mapping[str, str], received: Micros, ip: str | None, user_agent: str | None
) -> Sender:
    """The sender of a web hit."""
    consent = {name: told[name] for name in ("gcs", "gcd") if told.get(name)}
    context = {
        "ip": told.get("_uip") or ip,
        "user_agent": user_agent,
        "channel": "browser",
        "consent": consent,
        **{ours: told.get(name) for name, ours in _WEB_CAMPAIGN.items()},
    }
    return Sender(
        received,
        somebody(told.get("uid")),
        somebody(told.get("cid")),
        None,
        _prefixed(told, "up.", "upn."),
        {name: value for name, value in context.items() if value},
    )


def hit_of_query(told: Mapping[str, str]) -> Hit:
    """One web hit."""
    params = _prefixed(told, "ep.", "epn.")
    params |= {ours: told[name] for name, ours in _WEB.items() if told.get(name)}
    mark = (told["_p"], told["_s"]) if told.get("_p") and told.get("_s") else None
    return Hit(told.get("en"), params, mark=mark)


def translate(
    hit: Hit, sender: Sender, place: int, mapping: SourceMapping, trusted: bool = False
) -> list[dict[str, Any]]:
    """The events of a hit, not checked yet; raises EventError where it is none.

    place: of the hit in its request. trusted: its sender may assert times of any age.
    """
    if not isinstance(hit.name, str) or not hit.name:
        raise EventError("name: missing: expected the name of the event")
    of_type = event_type(hit.name, _DEFINED, mapping.events)
    given = {
        _PAGE.get(name, name): value
        for name, value in hit.params.items()
        if name not in _TECHNICAL and value is not None
    }
    engaged_ms = _number(hit.params.get("engagement_time_msec"))
    stayed = {} if engaged_ms is None else {"duration_s": engaged_ms / 1_000}
    if of_type == "page_time":
        given |= stayed
    properties = properties_of(given, of_type, mapping.properties)
    if of_type != hit.name:
        properties["event"] = hit.name
    event = {
        "id": _id(hit, sender, place),
        "type": of_type,
        **_who(sender, hit.time, trusted),
        "properties": properties,
        "context": _context(hit, sender, properties.get("url")),
    }
    event = {name: value for name, value in event.items() if value is not None}
    if of_type == "page_time" or engaged_ms is None or engaged_ms < _STAYED_MS:
        return [event]
    return [event, _time_on_page(event, stayed)]


def identify(sender: Sender, mapping: SourceMapping, trusted: bool = False) -> dict[str, Any]:
    """The event that ties the sender's ids and says what the person is like."""
    traits = traits_of(sender.traits, mapping.traits)
    return {"type": "identify", **_who(sender, sender.time, trusted), "traits": traits}


def _time_on_page(event: Mapping[str, Any], stayed: Mapping[str, Any]) -> dict[str, Any]:
    page = {name: event["properties"][name] for name in ("url", "title") if name in event["properties"]}
    more = {"id": f"{event['id']}/time"} if "id" in event else {}
    return {**event, "type": "page_time", "properties": {**page, **stayed}, **more}


def _who(sender: Sender, time: object, trusted: bool) -> dict[str, Any]:
    told = {
        "lead_id": sender.lead_id,
        "anonymous_id": sender.anonymous_id,
        "time": _happened(time, sender.received, trusted),
    }
    return {name: value for name, value in told.items() if value is not None}


def _happened(told: object, received: Micros, trusted: bool) -> str | None:
    """When it happened as asserted, as far back as it may be; None where it is not told."""
    if told is None:
        return None
    at = _number(told)
    if at is None:
        raise EventError("timestamp_micros: expected microseconds since 1970")
    earliest = -math.inf if trusted else received - _OLDEST
    return format_time(int(min(max(at, earliest), received)))


def _context(hit: Hit, sender: Sender, url: object) -> dict[str, Any]:
    params = hit.params
    told = _CAMPAIGN if hit.name in _CAMPAIGN_EVENTS else {}
    found = {
        **campaign_of(url),
        **{ours: params.get(name) for name, ours in told.items() if params.get(name)},
        **sender.context,
        "session_id": _identity(params.get("session_id") or params.get("ga_session_id")),
        "locale": params.get("language"),
    }
    return {name: value for name, value in found.items() if value}


def _id(hit: Hit, sender: Sender, place: int) -> str | None:
    if hit.mark is None:
        return None
    told = [sender.lead_id, sender.anonymous_id, hit.mark, hit.name, place, sorted(hit.params.items())]
    return f"ga4-{blake2b(msgspec.json.encode(told), digest_size=16).hexdigest()}"


def _prefixed(told: Mapping[str, str], text: str, number: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        name.removeprefix(text): value for name, value in told.items() if name.startswith(text)
    }
    for name, value in told.items():
        if name.startswith(number):
            counted = _number(value)
            found[name.removeprefix(number)] = value if counted is None else counted
    return found


def _number(value: object) -> int | float | None:
    """A finite number, also one that is told as text."""
    if isinstance(value, str):
        try:
            value = int(value) if value.isdecimal() and len(value) < 20 else float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value


def _identity(value: object) -> str | None:
    """An id as text: some send a number."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return somebody(_short(value))


def _short(value: object) -> str | None:
    """A text that every event of a request may repeat."""
    return value if isinstance(value, str) and len(value) <= _LONGEST else None
