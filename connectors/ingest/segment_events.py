"""Turns a call of Segment's specification into an event."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from connectors.ingest.addresses import campaign_of
from connectors.ingest.consent import CHANGED, consent_of
from connectors.ingest.mapping import SourceMapping
from connectors.ingest.moments import moment_of
from connectors.ingest.names import corrected, event_type, group_traits, properties_of, snake, traits_of
from scorer.errors import EventError
from scorer.ids import somebody
from scorer.times import Micros, format_time

CALLS: Final = ("page", "track", "identify", "group", "alias", "screen")

DEFINED: Final = {
    "email_delivered": "email_delivered",
    "email_opened": "email_open",
    "email_link_clicked": "email_click",
    "email_bounced": "email_bounce",
    "email_marked_as_spam": "email_complaint",
    "unsubscribed": "unsubscribe",
    "page_unloaded": "page_time",
}
"""Events that Segment's specification, or RudderStack's library, defines and that are ours. Those of its
other chapters (B2B SaaS, e-commerce, mobile, video, live chat) are no types of the contract: their snake
case names them."""

_UNLOADED: Final = "Page Unloaded"
"""RudderStack's browser library says by it how long a page was open: `timeOnPage`, in milliseconds."""

_PAGE: Final = ("url", "title", "referrer")


@dataclass(frozen=True)
class Arrival:
    """What the request says about all of its messages."""

    received: Micros
    sent_at: object = None
    call: str | None = None
    """The call that the path names, for messages that don't."""
    browser: bool = False
    ip: str | None = None
    user_agent: str | None = None


def translate(message: object, arrival: Arrival, mapping: SourceMapping) -> dict[str, Any]:
    """The event of one message, not checked yet; raises EventError where the message can't be read."""
    if not isinstance(message, dict):
        raise EventError("expected an object")
    call = message.get("type") or message.get("action") or arrival.call
    context = _object(message, "context")
    event: dict[str, Any] = {
        "id": _first(message, "messageId", "message_id") or None,
        "lead_id": _identity(message, "userId", "user_id"),
        "anonymous_id": _identity(message, "anonymousId", "anonymous_id"),
        "time": _time(message, arrival),
    }
    if call == "track":
        event |= _track(message, context, mapping)
    elif call in ("page", "screen"):
        event |= _page(message, context, mapping)
    elif call == "identify":
        traits = {**_object(context, "traits"), **_object(message, "traits")}
        event |= {"type": "identify", "traits": _with_consent(traits_of(traits, mapping.traits), context)}
    elif call == "group":
        event |= {"type": "identify", "traits": group_traits(_object(message, "traits"), mapping.traits)}
    elif call == "alias":
        event |= _alias(message)
    else:
        raise EventError(f"type: expected one of {', '.join(CALLS)}")
    event["context"] = _context(message, context, event.get("properties", {}), arrival)
    return {name: value for name, value in event.items() if value is not None}


def consent_told(event: Mapping[str, Any]) -> dict[str, Any] | None:
    """The `identify` that an event stands for by which somebody chose anew what to agree to.

    It names one of the event's ids only: a choice says nothing of who somebody is.
    """
    name = event.get("properties", {}).get("event")
    consent = event.get("context", {}).get("consent")
    if not consent or not isinstance(name, str) or snake(name) != CHANGED:
        return None
    who = "lead_id" if isinstance(lead := event.get("lead_id"), str) and somebody(lead) else "anonymous_id"
    told = {name: event[name] for name in (who, "time", "context") if name in event}
    of_event = event.get("id")
    if of_event is not None:
        told["id"] = f"{of_event}:consent"
    return {"type": "identify", **told, "traits": {"consent": consent}}


def _with_consent(traits: dict[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    consent = consent_of(context)
    return {"consent": consent, **traits} if consent else traits


def _track(message: Mapping[str, Any], context: Mapping[str, Any], mapping: SourceMapping) -> dict[str, Any]:
    name = message.get("event")
    if not isinstance(name, str) or not name:
        raise EventError("event: missing: expected the name of what happened")
    of_type = event_type(name, DEFINED, mapping.events)
    given = _object(message, "properties")
    if name == _UNLOADED:
        given = {"duration_ms": given.get("timeOnPage")}
    properties = properties_of(given, of_type, mapping.properties)
    return {"type": of_type, "properties": {**_on_page(properties, context), "event": name}}


def _page(message: Mapping[str, Any], context: Mapping[str, Any], mapping: SourceMapping) -> dict[str, Any]:
    """A page, or a screen of an app, which Segment's specification calls its equivalent."""
    properties = properties_of(_object(message, "properties"), "page_view", mapping.properties)
    for name in ("name", "category"):
        if isinstance(value := message.get(name), str) and value:
            properties.setdefault(name, value)
    properties = _on_page(properties, context)
    if not properties.get("title") and properties.get("name"):
        properties["title"] = properties["name"]
    return {"type": "page_view", "properties": properties}


def _alias(message: Mapping[str, Any]) -> dict[str, Any]:
    previous = _somebody(message, "previousId", "previous_id") or _somebody(
        message, "anonymousId", "anonymous_id"
    )
    if previous is None:
        raise EventError("previousId: missing: expected the identity that is given up")
    return {"type": "alias", "anonymous_id": None, "properties": {"previous_id": previous}}


def _on_page(properties: dict[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    """The properties with what the context says of the page that it happened on; without nulls."""
    page = _object(context, "page")
    found = {name: value for name, value in properties.items() if value is not None}
    for name in _PAGE:
        if isinstance(value := page.get(name), str) and value:
            found.setdefault(name, value)
    return found


def _context(
    message: Mapping[str, Any], context: Mapping[str, Any], properties: Mapping[str, Any], arrival: Arrival
) -> dict[str, Any]:
    """Who sent it by what, and the campaign that brought the person, as the library or the address says."""
    library = _object(context, "library").get("name")
    browser = arrival.browser or library == "analytics.js"
    found = {
        "ip": context.get("ip") or (arrival.ip if browser else None),
        "user_agent": _first(context, "userAgent", "user_agent") or (arrival.user_agent if browser else None),
        "channel": message.get("channel") or ("browser" if browser else None),
        "locale": context.get("locale"),
        "consent": consent_of(context) or None,
        "timezone": context.get("timezone"),
        "group_id": _first(message, "groupId", "group_id") or _first(context, "groupId", "group_id"),
        **_campaign(context, properties.get("url")),
    }
    return {name: value for name, value in found.items() if value not in (None, "")}


def _campaign(context: Mapping[str, Any], url: object) -> dict[str, Any]:
    found = campaign_of(url)
    for name, value in _object(context, "campaign").items():
        found["utm_campaign" if name == "name" else f"utm_{name}"] = value
    return found


def _time(message: Mapping[str, Any], arrival: Arrival) -> str | None:
    """When it happened, by our clock; None where the message does not say: then when it was received."""
    happened = moment_of(_first(message, "timestamp", "originalTimestamp"))
    if happened is None:
        return None
    try:
        sent = moment_of(_first(message, "sentAt") or arrival.sent_at)
    except EventError:
        sent = None
    return format_time(corrected(happened, sent, arrival.received))


def _identity(message: Mapping[str, Any], *names: str) -> object:
    """An id as text: some sites send the number of a row."""
    value = _first(message, *names)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _somebody(message: Mapping[str, Any], *names: str) -> object:
    value = _identity(message, *names)
    return somebody(value) if isinstance(value, str) else value


def _first(message: Mapping[str, Any], *names: str) -> Any:
    return next((message[name] for name in names if message.get(name) is not None), None)


def _object(message: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = message.get(name)
    if value is not None and not isinstance(value, dict):
        raise EventError(f"{name}: expected an object")
    return value or {}
