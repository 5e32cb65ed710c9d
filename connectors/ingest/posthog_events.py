"""Turns an event of PostHog's into the contract's."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urljoin, urlsplit
from uuid import UUID

from connectors.ingest.addresses import campaign_of, file_of
from connectors.ingest.mapping import SourceMapping
from connectors.ingest.moments import moment_of
from connectors.ingest.names import corrected, event_type, group_traits, properties_of, snake, traits_of
from scorer.errors import EventError
from scorer.ids import somebody
from scorer.times import Micros, format_time

_PAGES: Final = ("$pageview", "$screen")
_PERSONS: Final = ("$identify", "$set")
_LEFT: Final = "$prev_pageview_duration"
_COMPANIES: Final = ("company", "organization", "organisation", "account", "customer")
"""Types of groups that are what the contract calls a company; projects and teams are others."""

_CAMPAIGN: Final = frozenset(
    {"utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term"}
    | {"gad_source", "mc_cid", "gclid", "gclsrc", "dclid", "gbraid", "wbraid", "fbclid", "msclkid", "twclid"}
    | {
        "li_fat_id",
        "igshid",
        "ttclid",
        "rdt_cid",
        "epik",
        "qclid",
        "sccid",
        "oppref",
        "bfcid",
        "irclid",
        "_kx",
    }
)
"""Parameters of an address that the library copies into everything, a person's properties too."""
_OF_THE_LIBRARY: Final = _CAMPAIGN | {"token", "distinct_id", "navigation_type"}
_PHONES: Final = ("posthog-ios", "posthog-android", "posthog-react-native", "posthog-flutter")

_CHAIN_LINK: Final = re.compile(r'\b(?:attr__)?href="((?:[^"\\]|\\.)*)"')
_CHAIN_FORM: Final = re.compile(r'\b(?:attr__?)?(?:name|id)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Arrival:
    """What the request says about all of its events; None where it says nothing."""

    received: Micros
    sent_at: object = None
    ip: str | None = None
    user_agent: str | None = None
    browser: bool = False
    as_told: bool = False
    """Whether times are of long ago and not to be corrected, as those of a migration."""


@dataclass(frozen=True)
class _Told:
    """An event as the library tells it."""

    name: str
    distinct_id: str | None
    properties: Mapping[str, Any]
    options: Mapping[str, Any]
    whole: Mapping[str, Any]

    def get(self, name: str) -> Any:
        """What is said of the person, in the event or among its properties."""
        return self.whole.get(name) or self.properties.get(name)

    @property
    def has_person(self) -> bool:
        """Whether PostHog keeps a person for it."""
        said = self.options.get("process_person_profile", self.properties.get("$process_person_profile"))
        return said is not False


def translate(message: object, arrival: Arrival, mapping: SourceMapping) -> list[dict[str, Any]]:
    """The events of one event, not checked yet; raises EventError where it can't be read."""
    told = _told(message)
    shared = {
        "id": told.whole.get("uuid") or None,
        "time": _time(told, arrival),
        "context": _context(told, arrival),
    }
    found: list[dict[str, Any]] = []
    for event in _happened(told, mapping):
        suffix = event.pop("//part", None)
        own = {**_who(told), **event}
        if suffix:
            own["id"] = f"{shared['id']}/{suffix}" if shared["id"] else None
        found.append({name: value for name, value in {**shared, **own}.items() if value is not None})
    return found


def _told(message: object) -> _Told:
    if not isinstance(message, dict):
        raise EventError("expected an object")
    properties, options = _object(message, "properties"), _object(message, "options")
    name = message.get("event")
    if name is None and "$set" in message:
        name = "$set"  # as /engage/ has it
    if not isinstance(name, str) or not name:
        raise EventError("event: missing: expected the name of what happened")
    given = [message.get("distinct_id"), message.get("$distinct_id"), properties.get("distinct_id")]
    return _Told(name, next(filter(None, map(_identity, given)), None), properties, options, message)


def _happened(told: _Told, mapping: SourceMapping) -> Iterator[dict[str, Any]]:
    name = told.name
    mapped = mapping.events.get(snake(name)) if name.startswith("$") else None
    if name == "$autocapture":
        yield from _autocapture(told, mapping, mapped)
    elif mapped:
        yield _typed(mapped, told, mapping, {"event": name})
    elif name in _PAGES:
        yield _typed("page_view", told, mapping, {"title": told.properties.get("$screen_name")})
        if told.properties.get(_LEFT) is not None:
            yield {"//part": "left", **_page_time(told)}
    elif name == "$pageleave":
        yield _page_time(told)
    elif name == "$create_alias":
        yield _alias(lead=_identity(told.properties.get("alias")), previous=told.distinct_id)
    elif name == "$merge_dangerously":
        yield _alias(lead=told.distinct_id, previous=_identity(told.properties.get("alias")))
    elif name == "$groupidentify":
        yield from _group(told, mapping)
    elif name not in _PERSONS and not name.startswith("$"):
        yield _typed(event_type(name, {}, mapping.events), told, mapping, {"event": name})
    yield from _person(told, mapping)


def _person(told: _Told, mapping: SourceMapping) -> Iterator[dict[str, Any]]:
    """What is said of the person, by an event of its own or beside another."""
    traits = traits_of(_traits(told), mapping.traits) if told.has_person or told.name in _PERSONS else {}
    if told.name == "$identify":
        before = next(
            filter(None, map(_identity, map(told.properties.get, ("$anon_distinct_id", "$device_id")))), None
        )
        tied = before if before != told.distinct_id else None
        yield {"type": "identify", "lead_id": told.distinct_id, "anonymous_id": tied, "traits": traits}
    elif told.name == "$set" or (traits and told.name != "$groupidentify"):
        who = _who(told)
        alone = {"anonymous_id": None} if who["lead_id"] else {}  # who else used the device is not said again
        part = {} if told.name == "$set" else {"//part": "traits"}
        yield {"type": "identify", **alone, **part, "traits": traits}


def _traits(told: _Told) -> dict[str, Any]:
    once, now, gone = told.get("$set_once"), told.get("$set"), told.get("$unset")
    found: dict[str, Any] = {}
    if isinstance(once, dict):
        found |= {name: value for name, value in once.items() if value is not None}
    if isinstance(now, dict):
        found |= now
    if isinstance(gone, list):
        found |= {name: None for name in gone if isinstance(name, str)}
    return {
        name: value for name, value in found.items() if name not in _CAMPAIGN and not name.startswith("$")
    }


def _group(told: _Told, mapping: SourceMapping) -> Iterator[dict[str, Any]]:
    """A company is its member's: of browsers and apps that name their person; servers make one up."""
    properties = told.properties
    kind = properties.get("$group_type")
    if "$device_id" in properties and isinstance(kind, str) and kind.lower() in _COMPANIES:
        yield {"type": "identify", "traits": group_traits(_object(properties, "$group_set"), mapping.traits)}


def _alias(lead: str | None, previous: str | None) -> dict[str, Any]:
    if not somebody(lead) or not somebody(previous):
        raise EventError("alias, distinct_id: expected both identities")
    return {"type": "alias", "lead_id": lead, "anonymous_id": None, "properties": {"previous_id": previous}}


def _page_time(told: _Told) -> dict[str, Any]:
    """The time on the page that was left, which is not always the one that the event is of."""
    page, properties = _page(told), {}
    left = told.properties.get("$prev_pageview_pathname")
    url = page.get("url")
    if isinstance(left, str) and left and url and _path(url) != left:
        page = {"url": _absolute(url, left)}
    duration = told.properties.get(_LEFT)
    if isinstance(duration, int | float) and not isinstance(duration, bool):
        properties["duration_s"] = duration
    return {"type": "page_time", "properties": {**properties, **page}}


def _autocapture(told: _Told, mapping: SourceMapping, otherwise: str | None) -> Iterator[dict[str, Any]]:
    properties = told.properties
    did = properties.get("$event_type")
    link = None if did == "submit" else _link(properties)
    clicked = {"link": link, "text": properties.get("$el_text"), "action": did}
    if did == "submit":
        yield _typed("form_submit", told, mapping, {"form": _form(properties)})
    elif link:
        asset = file_of(link)
        yield _typed("download" if asset else "link_click", told, mapping, {**clicked, "asset": asset})
    elif otherwise:
        yield _typed(otherwise, told, mapping, clicked)


def _link(properties: Mapping[str, Any]) -> str | None:
    """Where what was clicked leads, as a whole address."""
    link = _element_link(properties) or _text(properties.get("$external_click_url"))
    page = _text(properties.get("$current_url"))
    return _absolute(page, link) if page and link else link


def _element_link(properties: Mapping[str, Any]) -> str | None:
    for element in _elements(properties):
        if element.get("tag_name") == "a" and (
            link := _text(element.get("attr__href") or element.get("href"))
        ):
            return link
    return _in_chain(_CHAIN_LINK, properties)


def _form(properties: Mapping[str, Any]) -> str | None:
    for element in _elements(properties):
        if element.get("tag_name") == "form":
            return _text(element.get("attr__name")) or _text(element.get("attr__id"))
    return _in_chain(_CHAIN_FORM, properties)


def _elements(properties: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = properties.get("$elements")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _in_chain(pattern: re.Pattern[str], properties: Mapping[str, Any]) -> str | None:
    """What the elements say where they are written as one text."""
    chain = properties.get("$elements_chain")
    found = pattern.search(chain) if isinstance(chain, str) else None
    return found[1].replace('\\"', '"') if found else None


def _typed(of_type: str, told: _Told, mapping: SourceMapping, more: Mapping[str, Any]) -> dict[str, Any]:
    """An event of the type with what the site says of it, and of the page that it happened on."""
    given = {
        name: value
        for name, value in told.properties.items()
        if value is not None and not name.startswith("$") and name not in _OF_THE_LIBRARY
    }
    found = properties_of({**given, **_known(more)}, of_type, mapping.properties)
    for name, value in _page(told).items():
        found.setdefault(name, value)
    return {"type": of_type, "properties": found}


def _page(told: _Told) -> dict[str, str]:
    properties = told.properties
    referrer = properties.get("$referrer")
    found = {
        "url": _text(properties.get("$current_url")),
        "title": _text(properties.get("title")) or _text(properties.get("$title")),
        "referrer": _text(referrer) if referrer != "$direct" else None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _who(told: _Told) -> dict[str, str | None]:
    """Whose it is: a visitor's or a lead's, as browsers and apps say it; of servers, by the id alone."""
    distinct, device = told.distinct_id, _identity(told.properties.get("$device_id"))
    identified = told.properties.get("$is_identified")
    if not isinstance(identified, bool):
        by_id = told.has_person and not _is_uuid(distinct)
        identified = by_id if device is None else device != distinct
    if not identified:
        return {"lead_id": None, "anonymous_id": distinct}
    return {"lead_id": distinct, "anonymous_id": device if device != distinct else None}


def _is_uuid(text: str | None) -> bool:
    try:
        return len(text or "") == 36 and bool(UUID(text))
    except ValueError:
        return False


def _time(told: _Told, arrival: Arrival) -> str | None:
    """When it happened by our clock; None where the event does not say: then when it was received."""
    happened = moment_of(told.whole.get("timestamp"))
    if happened is None:
        ago = told.whole.get("offset")
        if not isinstance(ago, int | float) or isinstance(ago, bool):
            return None
        return format_time(corrected(Micros(arrival.received - _micros(ago)), None, arrival.received))
    sent = None if _is_asserted(told, arrival) else _sent(told, arrival)
    return format_time(corrected(happened, sent, arrival.received))


def _is_asserted(told: _Told, arrival: Arrival) -> bool:
    skewed = told.options.get("disable_skew_correction", told.properties.get("$ignore_sent_at"))
    return arrival.as_told or skewed is True


def _sent(told: _Told, arrival: Arrival) -> Micros | None:
    try:
        return moment_of(told.whole.get("sent_at") or arrival.sent_at)
    except EventError:
        return None


def _micros(milliseconds: float) -> int:
    try:
        return int(milliseconds * 1_000)
    except (ValueError, OverflowError):
        raise EventError("offset: no number of milliseconds") from None


def _context(told: _Told, arrival: Arrival) -> dict[str, Any]:
    said = told.properties
    library = said.get("$lib")
    by = "mobile" if library in _PHONES else "server" if said.get("$is_server") is True else None
    found = {
        "ip": said.get("$ip") or arrival.ip,
        "user_agent": said.get("$raw_user_agent") or said.get("$user_agent") or arrival.user_agent,
        "channel": "browser" if arrival.browser else by,
        "locale": said.get("$browser_language") or said.get("$locale"),
        "timezone": said.get("$timezone"),
        "group_id": _group_id(said.get("$groups")),
        **campaign_of(said.get("$current_url")),
        **{name: value for name, value in said.items() if name.startswith("utm_")},
    }
    return {name: value for name, value in found.items() if isinstance(value, str) and value}


def _group_id(groups: object) -> str | None:
    if not isinstance(groups, dict):
        return None
    of_company = (groups[name] for name in _COMPANIES if name in groups)
    return next((text for one in (*of_company, *groups.values()) if (text := _identity(one))), None)


def _absolute(base: str, link: str) -> str:
    try:
        return urljoin(base, link)
    except ValueError:
        return link


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


def _known(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


def _identity(value: object) -> str | None:
    """An id as text: some sites send the number of a row."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return somebody(value) if isinstance(value, str) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _object(message: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = message.get(name)
    if value is not None and not isinstance(value, dict):
        raise EventError(f"{name}: expected an object")
    return value or {}
