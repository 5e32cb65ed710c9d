"""Turns an item of Snowplow's tracker protocol into events."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from connectors.ingest.addresses import campaign_of, file_of
from connectors.ingest.base64text import decoded
from connectors.ingest.batches import message_of
from connectors.ingest.mapping import SourceMapping
from connectors.ingest.names import corrected, event_type, properties_of, snake, traits_of
from scorer.errors import EventError
from scorer.ids import somebody
from scorer.times import Micros, format_time

DEFINED: Final = {"submit_form": "form_submit", "screen_view": "page_view", "identify": "identify"}
"""Self-describing events that are ours. The protocol has no identify: one of that name stands in for it."""

_WITH_TYPED: Final = frozenset({"focus_form", "change_form", "submit_form"})
"""Events of the form plugin: `value` and `elements` hold what somebody typed, sent or not."""
_UNSENT: Final = _WITH_TYPED - {"submit_form"}

_SCHEMA: Final = re.compile(r"iglu:[^/]+/([^/]+)/[^/]+/[^/]+\Z")
_SESSION: Final = "client_session"

_PAGE: Final = {"url": "url", "page": "title", "refr": "referrer"}
_STRUCTURED: Final = {"se_ca": "category", "se_la": "label", "se_pr": "property", "se_va": "value"}
_TRANSACTION: Final = {
    "tr_id": "order_id",
    "tr_af": "affiliation",
    "tr_tt": "total",
    "tr_tx": "tax",
    "tr_sh": "shipping",
    "tr_ci": "city",
    "tr_st": "state",
    "tr_co": "country",
    "tr_cu": "currency",
}
_TRANSACTION_ITEM: Final = {
    "ti_id": "order_id",
    "ti_sk": "sku",
    "ti_nm": "name",
    "ti_na": "name",
    "ti_ca": "category",
    "ti_pr": "price",
    "ti_qu": "quantity",
    "ti_cu": "currency",
}
_NUMBERS: Final = frozenset({"value", "total", "tax", "shipping", "price", "quantity"})
_EXACT: Final = 2**53
"""Below it whole numbers are told apart."""
_CHANNELS: Final = {"web": "browser", "mob": "mobile", "srv": "server"}


@dataclass(frozen=True)
class Arrival:
    """What the request says about all of its items; None where it says nothing of the person."""

    received: Micros
    ip: str | None = None
    user_agent: str | None = None
    network_id: str | None = None
    """Of the cookie that a collector set."""
    anonymous: bool = False
    """Whether the person asked to stay unknown: what names nobody is then no mistake."""


def translate(item: object, arrival: Arrival, mapping: SourceMapping) -> list[dict[str, Any]]:
    """The events of one item, not checked yet; raises EventError where the item can't be read."""
    if not isinstance(item, dict):
        raise EventError("expected an object")
    told = {name: text for name, value in item.items() if (text := _text(value)) is not None}
    happened = _happened(told, item, mapping)
    if happened is None:
        return []
    event = {
        "id": told.get("eid"),
        "lead_id": somebody(told.get("uid")),
        "anonymous_id": _anonymous(told, item, arrival),
        "time": _time(told, arrival.received),
        **happened,
        "context": _context(told, arrival),
    }
    if arrival.anonymous and not event["lead_id"] and not event["anonymous_id"]:
        return []
    return [
        {name: value for name, value in one.items() if value is not None} for one in (event, *_tie(event))
    ]


def _happened(
    told: Mapping[str, str], item: Mapping[str, Any], mapping: SourceMapping
) -> dict[str, Any] | None:
    kind = told.get("e")
    if kind == "pv":
        return _typed("page_view", {}, told, mapping)
    if kind == "pp":
        return _typed("page_time", {"duration_s": mapping.heartbeat_s}, told, mapping)
    if kind == "se":
        return _structured(told, mapping)
    if kind == "ue":
        return _self_described(_json(item, "ue_pr", "ue_px"), told, mapping)
    if kind == "tr":
        return _typed("transaction", _fields(told, _TRANSACTION), told, mapping)
    if kind == "ti":
        return _typed("transaction_item", _fields(told, _TRANSACTION_ITEM), told, mapping)
    raise EventError("e: expected one of pv, pp, se, ue, tr, ti")


def _structured(told: Mapping[str, str], mapping: SourceMapping) -> dict[str, Any]:
    """A category and an action, of which the action says what happened."""
    action = told.get("se_ac")
    if action is None:
        raise EventError("se_ac: missing: expected the action, which names the event")
    both = snake(f"{told.get('se_ca', '')} {action}")
    of_type = mapping.events.get(both) or event_type(action, {}, mapping.events)
    return _typed(of_type, {**_fields(told, _STRUCTURED), "event": action}, told, mapping)


def _self_described(outer: Any, told: Mapping[str, str], mapping: SourceMapping) -> dict[str, Any] | None:
    name, data = _described(outer.get("data") if isinstance(outer, dict) else None)
    mapped = snake(name) in mapping.events
    if name in _WITH_TYPED:
        if name in _UNSENT and not mapped:
            return None
        data = _without_typed(data)
    of_type = event_type(name, DEFINED, mapping.events)
    if of_type == "identify":
        return {"type": of_type, "traits": traits_of(data, mapping.traits)}
    if name == "link_click":
        data = {"link" if key == "targetUrl" else key: value for key, value in data.items()}
        if not mapped and (asset := file_of(data.get("link"))):
            of_type = "download"
            data["asset"] = asset
    if name == "screen_view" and "title" not in data:
        data = {**data, "title": data.get("name")}
    return _typed(of_type, {**data, "event": name}, told, mapping)


def _described(event: Any) -> tuple[str, dict[str, Any]]:
    """The name in the schema of a self-describing event, and its data."""
    schema = event.get("schema") if isinstance(event, dict) else None
    found = _SCHEMA.match(schema) if isinstance(schema, str) else None
    if found is None:
        raise EventError(
            "ue_pr: expected a self-describing event, its schema as iglu:vendor/name/format/version"
        )
    data = event.get("data")
    if data is not None and not isinstance(data, dict):
        raise EventError("ue_pr: expected the event's data to be an object")
    return found[1], data or {}


def _without_typed(data: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of a form but for what was typed: of its elements, the names."""
    found = {name: value for name, value in data.items() if name not in ("value", "elements")}
    elements = data.get("elements")
    if isinstance(elements, list):
        found["fields"] = [one["name"] for one in elements if isinstance(one, dict) and "name" in one]
    return found


def _typed(
    of_type: str, given: Mapping[str, Any], told: Mapping[str, str], mapping: SourceMapping
) -> dict[str, Any]:
    """An event of the type, with what the tracker says of the page that it happened on; without nulls."""
    properties = {
        name: value
        for name, value in properties_of(given, of_type, mapping.properties).items()
        if value is not None
    }
    for name, value in _fields(told, _PAGE).items():
        properties.setdefault(name, value)
    return {"type": of_type, "properties": properties}


def _fields(told: Mapping[str, str], names: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for theirs, ours in names.items():
        if theirs in told:
            found.setdefault(ours, _number(told[theirs]) if ours in _NUMBERS else told[theirs])
    return found


def _number(text: str) -> float | str:
    """The number that the protocol writes as text; what is none stays text."""
    try:
        number = float(text)
    except ValueError:
        return text
    if not math.isfinite(number):
        return text
    return int(number) if number.is_integer() and abs(number) < _EXACT else number


def _anonymous(told: Mapping[str, str], item: Mapping[str, Any], arrival: Arrival) -> str | None:
    """The device: as browsers tell, else as apps do in their session, else as a collector named it."""
    return (
        somebody(told.get("duid"))
        or somebody(_session_user(item))
        or somebody(told.get("tnuid"))
        or somebody(arrival.network_id)
    )


def _session_user(item: Mapping[str, Any]) -> str | None:
    try:
        contexts = _json(item, "co", "cx").get("data")
        for one in contexts if isinstance(contexts, list) else ():
            name, data = _described(one)
            if name == _SESSION:
                return _text(data.get("userId"))
    except (AttributeError, EventError):
        pass  # entities say nothing that an event could not do without
    return None


def _json(item: Mapping[str, Any], plain: str, packed: str) -> Any:
    """The JSON in a field as text, or in another as base64."""
    name = plain if item.get(plain) is not None else packed
    value = item.get(name)
    if isinstance(value, dict):
        return value
    if not isinstance(value, str):
        raise EventError(f"{plain}, {packed}: missing: expected one of the two")
    try:
        return message_of(value.encode() if name == plain else decoded(value))
    except (ValueError, msgspec.MsgspecError, RecursionError, EventError):
        raise EventError(f"{name}: no JSON{'' if name == plain else ' in base64'}") from None


def _time(told: Mapping[str, str], received: Micros) -> str | None:
    """When it happened: as asserted, else by our clock, else None: when it was received."""
    asserted = _moment(told, "ttm")
    if asserted is not None:
        return format_time(corrected(asserted, None, received))
    happened = _moment(told, "dtm")
    if happened is None:
        return None
    try:
        sent = _moment(told, "stm")
    except EventError:
        sent = None
    return format_time(corrected(happened, sent, received))


def _moment(told: Mapping[str, str], name: str) -> Micros | None:
    """Milliseconds since 1970."""
    if name not in told:
        return None
    try:
        return Micros(int(float(told[name]) * 1_000))
    except (ValueError, OverflowError):
        raise EventError(f"{name}: {told[name][:40]!r} is no time in milliseconds since 1970") from None


def _context(told: Mapping[str, str], arrival: Arrival) -> dict[str, Any]:
    found = {
        "ip": told.get("ip") or arrival.ip,
        "user_agent": told.get("ua") or arrival.user_agent,
        "channel": _CHANNELS.get(told.get("p", "")),
        "locale": told.get("lang"),
        "timezone": told.get("tz"),
    }
    return {name: value for name, value in found.items() if value} | campaign_of(told.get("url"))


def _tie(event: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What ties a device to the person on it: only an identify does, and browsers name people but once."""
    lead, anonymous = event["lead_id"], event["anonymous_id"]
    if not lead or not anonymous or lead == anonymous or event["type"] in ("identify", "page_time"):
        return []
    named = {name: event[name] for name in ("lead_id", "anonymous_id", "time")}
    return [{"id": event["id"] and f"{event['id']}/tie", "type": "identify", **named}]


def _text(value: object) -> str | None:
    """A value as the protocol has it, where all are text; empty ones say nothing."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value else None
