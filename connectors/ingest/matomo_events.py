"""Turns a request of Matomo's tracking API into events."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

import msgspec

from connectors.ingest.addresses import campaign_of
from connectors.ingest.dwell import PageViews
from connectors.ingest.mapping import SourceMapping
from connectors.ingest.names import event_type, field_name, last_segment, properties_of, snake, traits_of
from scorer.errors import EventError
from scorer.ids import somebody
from scorer.times import DAY, SECOND, Micros, format_time, parse_time

Parameters = Mapping[str, str]

_DEFINED: Final = {
    "email_click": "email_click",
    "email_clicked": "email_click",
    "email_open": "email_open",
    "email_opened": "email_open",
    "form_submit": "form_submit",
    "form_submitted": "form_submit",
}
"""Category and action of events that are ours."""
_TRAITS: Final = frozenset({"email", "first_name", "last_name", "phone", "title", "company"}) | {
    "employees",
    "revenue",
    "industry",
    "country",
    "city",
}
"""Of the contract: custom variables of a visit with these names describe the person."""
_CAMPAIGN: Final = {
    "campaign": "utm_campaign",
    "source": "utm_source",
    "medium": "utm_medium",
    "content": "utm_content",
    "kwd": "utm_term",
    "keyword": "utm_term",
    "cid": "utm_id",
}
_ORDER: Final = {
    "ec_id": "order_id",
    "revenue": "revenue",
    "ec_st": "subtotal",
    "ec_tx": "tax",
    "ec_sh": "shipping",
    "ec_dt": "discount",
}
_ITEM: Final = ("sku", "name", "category", "price", "quantity")
_CONTENT: Final = {"c_i": "interaction", "c_n": "content", "c_p": "piece", "c_t": "target"}
_SEARCH: Final = {"search": "search", "search_cat": "search_category", "search_count": "search_results"}
_PRODUCT: Final = {
    "_pks": "product_sku",
    "_pkn": "product_name",
    "_pkc": "product_category",
    "_pkp": "product_price",
}
_PAGE: Final = {"url": "url", "action_name": "title", "urlref": "referrer"}
_NUMBERS: Final = frozenset({"value", "goal", "revenue", "subtotal", "tax", "shipping", "discount"}) | {
    "search_results",
    "product_price",
}
_DIMENSION: Final = re.compile(r"dimension[0-9]{1,3}")
_ASSERTED: Final = DAY
"""How old a time may be that is asserted without a good token: Matomo's own default."""


@dataclass(frozen=True)
class Arrival:
    """What the request says about all in it."""

    received: Micros
    trusted: bool = False
    """Whether it came with a token that is a secret key."""
    browser: bool = False
    ip: str | None = None
    user_agent: str | None = None
    page: str | None = None
    """The page that an image stands on."""


def translate(
    told: Parameters, arrival: Arrival, mapping: SourceMapping, views: PageViews
) -> list[dict[str, Any]]:
    """The events of one request, not checked yet; raises EventError where it is none."""
    if not told.get("idsite"):
        raise EventError("idsite: missing")
    if told.get("rec", "1") != "1" or told.get("recMode") == "1":
        return []
    asserted = _asserted(told, arrival)
    at = arrival.received if asserted is None else asserted
    of_type, found = _action(told, at, mapping, views)
    if of_type is None:
        return []
    variables, traits = _variables_of(told, mapping)
    event: dict[str, Any] = {
        "id": _id(told, of_type, asserted),
        "type": of_type,
        "lead_id": somebody(told.get("uid")),
        "anonymous_id": somebody(told.get("cid") or told.get("_id")),
        "time": None if asserted is None else format_time(asserted),
        "properties": properties_of(
            {**variables, **_said_of_page(told, arrival), **found}, of_type, mapping.properties
        ),
    }
    event["context"] = _context(told, event["properties"].get("url"), arrival)
    event = {name: value for name, value in event.items() if value is not None}
    tied = traits or ("lead_id" in event and "anonymous_id" in event)
    return [event, _identify(event, traits)] if tied and of_type != "page_time" else [event]


def _action(
    told: Parameters, at: Micros, mapping: SourceMapping, views: PageViews
) -> tuple[str | None, dict[str, Any]]:
    """The type and its own properties; no type where the request tells of nothing that somebody did."""
    view = (told["idsite"], told.get("cid") or told.get("_id") or told.get("uid"), told.get("pv_id"))
    if told.get("ping") == "1":
        seconds = views.beat(view, at) if told.get("pv_id") else None
        return "page_time", {} if seconds is None else {"duration_s": seconds}
    if "e_c" in told or "e_a" in told:
        return _event(told, mapping)
    if told.get("c_n"):
        return "content_interaction" if told.get("c_i") else "content_impression", _some(told, _CONTENT)
    if "idgoal" in told:
        return _conversion(told)
    if download := told.get("download"):
        return "download", {"asset": last_segment(download) or download, "link": download}
    if link := told.get("link"):
        return "link_click", {"link": link}
    if told.get("search"):
        return "site_search", _some(told, _SEARCH)
    if told.get("ca") == "1":
        return None, {}
    if told.get("pv_id"):
        views.viewed(view, at)
    return "page_view", _some(told, _PRODUCT)


def _event(told: Parameters, mapping: SourceMapping) -> tuple[str, dict[str, Any]]:
    category, action = told.get("e_c", "").strip(), told.get("e_a", "").strip()
    if not category or not action:
        raise EventError("e_c, e_a: expected both the category and the action of an event")
    both = snake(f"{category} {action}")
    named = both if both in mapping.events or both in _DEFINED else action
    of_type = event_type(named, _DEFINED, mapping.events)
    name = told.get("e_n", "").strip()
    found: dict[str, Any] = {"event": action, "category": category, **_some(told, {"e_v": "value"})}
    if name:
        found["name"] = name
        if of_type.startswith("email_"):
            found["campaign"] = name
        if of_type == "download":
            found["asset"] = name
    return of_type, found


def _conversion(told: Parameters) -> tuple[str, dict[str, Any]]:
    if told["idgoal"] != "0":
        return "goal", _some({"goal": told["idgoal"], **told}, {"goal": "goal", "revenue": "revenue"})
    found = _some(told, _ORDER)
    items = _json(told.get("ec_items"))
    if isinstance(items, list):
        found["items"] = [dict(zip(_ITEM, item, strict=False)) for item in items if isinstance(item, list)]
    return "order_completed" if told.get("ec_id") else "cart_updated", found


def _said_of_page(told: Parameters, arrival: Arrival) -> dict[str, Any]:
    """The page that it happened on."""
    found = _some(told, _PAGE)
    if not found.get("url") and not found.get("referrer") and arrival.page:
        found["url"] = arrival.page
    return found


def _variables_of(told: Parameters, mapping: SourceMapping) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the site says in custom dimensions and variables: of what happened, and of the person."""
    given: dict[str, Any] = {name: value for name, value in told.items() if _DIMENSION.fullmatch(name)}
    given |= _variables(told.get("_cvar"))
    personal = _TRAITS | mapping.traits.keys()
    traits = {name: value for name, value in given.items() if name in personal}
    others = {name: value for name, value in given.items() if name not in personal}
    return others | _variables(told.get("cvar")), traits_of(traits, mapping.traits)


def _variables(text: str | None) -> dict[str, Any]:
    """Custom variables: `{"1": ["name", "value"]}`."""
    told = _json(text)
    pairs = told.values() if isinstance(told, dict) else told if isinstance(told, list) else ()
    return {
        field_name(pair[0]): pair[1]
        for pair in pairs
        if isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str) and pair[0]
    }


def _identify(event: Mapping[str, Any], traits: Mapping[str, Any]) -> dict[str, Any]:
    """The event that ties the ids of another, and says what its person is like."""
    told = {name: event[name] for name in ("lead_id", "anonymous_id", "time") if name in event}
    if "id" in event:
        told["id"] = f"{event['id']}/tie"
    return {"type": "identify", **told, "traits": traits}


def _context(told: Parameters, url: object, arrival: Arrival) -> dict[str, Any]:
    sender = None if arrival.trusted else arrival.ip
    found = {
        "ip": (told.get("cip") if arrival.trusted else None) or sender,
        "user_agent": told.get("ua") or arrival.user_agent,
        "channel": "browser" if arrival.browser else None,
        "locale": told.get("lang"),
        **_campaign(url),
    }
    return {name: value for name, value in found.items() if value}


def _campaign(url: object) -> dict[str, str]:
    """The campaign by Matomo's names of it, else by the usual ones."""
    found = campaign_of(url, ("mtm_", "pk_"))
    ours = {
        _CAMPAIGN[word]: value
        for name, value in found.items()
        if (word := name.partition("_")[2]) in _CAMPAIGN
    }
    return ours | campaign_of(url)


def _asserted(told: Parameters, arrival: Arrival) -> Micros | None:
    """When the client says that it happened, if it may say so."""
    at = _moment(told.get("cdt"))
    back = told.get("cdo", "").lstrip("-")
    if back.isdecimal() and len(back) <= 10:
        at = Micros((arrival.received if at is None else at) - int(back) * SECOND)
    if at is None or at > arrival.received:
        return None
    return at if arrival.trusted or arrival.received - at < _ASSERTED else None


def _moment(text: str | None) -> Micros | None:
    if not text:
        return None
    try:
        if text.isdecimal():
            return Micros(int(text) * SECOND)
        return parse_time(f"{text} 00:00:00" if len(text) == 10 else text)
    except ValueError:
        return None


def _id(told: Parameters, of_type: str, asserted: Micros | None) -> str | None:
    """A hash of what was sent, where something in it tells it from a second happening of the same kind."""
    once = of_type == "page_view" and told.get("pv_id")
    if not (told.get("rand") or told.get("r") or asserted is not None or once):
        return None
    text = msgspec.json.encode(sorted(told.items()))
    return f"matomo-{blake2b(text, digest_size=16).hexdigest()}"


def _some(told: Parameters, names: Mapping[str, str]) -> dict[str, Any]:
    """Parameters under our names, those that count something as numbers."""
    return {
        ours: _number(told[name]) if ours in _NUMBERS else told[name]
        for name, ours in names.items()
        if told.get(name)
    }


def _number(text: str) -> int | float | str:
    try:
        number = int(text) if text.removeprefix("-").isdecimal() and len(text) < 16 else float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else text


def _json(text: str | None) -> Any:
    try:
        return msgspec.json.decode(text) if text else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
