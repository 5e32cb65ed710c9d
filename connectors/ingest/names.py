"""The contract's rules for names that trackers use: of events, of properties and of traits."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from scorer.times import Micros

_OTHER: Final = re.compile(r"[^a-z0-9]+")
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_RESERVED: Final = frozenset({"identify", "alias"})
"""Types that say who somebody is: a tracker says that by its own calls, never by an event's name."""

_PROPERTIES: Final = {"link_url": "link", "campaign_name": "campaign"}
_COMPANY: Final = {
    "name": "company",
    "employee_count": "employees",
    "employees": "employees",
    "industry": "industry",
}
_ADDRESS: Final = {"city": "city", "country": "country"}
_DURATIONS: Final = {
    "duration": 1.0,
    "seconds": 1.0,
    "time_on_page": 1.0,
    "duration_ms": 0.001,
    "milliseconds": 0.001,
}
"""What trackers call the time on a page, in seconds."""
_ASSETS: Final = ("file_name", "filename", "asset_name", "file", "document")


def snake(name: str) -> str:
    """The name in lower case, runs of other than letters and digits as `_`, none of them at the ends.

    >>> snake("Demo Requested"), snake("[Site] Démo demandée !"), snake("!")
    ('demo_requested', 'site_demo_demandee', '')
    """
    plain = unicodedata.normalize("NFKD", name.lower())
    return _OTHER.sub("_", "".join(c for c in plain if not unicodedata.combining(c))).strip("_")


def field_name(name: str) -> str:
    """The snake case of a field, humps taken as words.

    >>> field_name("firstName"), field_name("Plan Type"), field_name("pageURL"), field_name("プラン")
    ('first_name', 'plan_type', 'page_url', 'プラン')
    """
    return snake(_HUMP.sub(" ", name)) or name


def event_type(name: str, defined: Mapping[str, str], mapped: Mapping[str, str]) -> str:
    """The type of a tracker's named event: as mapped, else as its protocol defines, else its snake case.

    >>> event_type("Email Opened", {"email_opened": "email_open"}, {}), event_type("Ebook Downloaded", {}, {})
    ('email_open', 'download')
    >>> event_type("Alias", {}, {}), event_type("3 visits", {}, {}), event_type("?", {}, {})
    ('event_alias', 'event_3_visits', 'event')
    """
    words = snake(name)
    if words in mapped:
        return mapped[words]
    if words in defined:
        return defined[words]
    if words.endswith("downloaded"):
        return "download"
    if not words:
        return "event"
    return words if words[0].isalpha() and words not in _RESERVED else f"event_{words}"


def properties_of(given: Mapping[str, Any], of_type: str, mapped: Mapping[str, str]) -> dict[str, Any]:
    """The properties under our names; where two would get one name, the one that had it keeps it."""
    found = _renamed(given, {**_PROPERTIES, **mapped})
    if of_type == "page_time" and "duration_s" not in found:
        _set_duration(found)
    if of_type == "download" and "asset" not in found:
        _set_asset(found)
    return found


def traits_of(given: Mapping[str, Any], mapped: Mapping[str, str]) -> dict[str, Any]:
    """The traits under our names, with what a company or address object says spread out.

    >>> traits_of({"firstName": "Ada", "company": {"name": "Initech", "employee_count": 180}}, {})
    {'first_name': 'Ada', 'company': 'Initech', 'employees': 180}
    """
    found = _renamed(given, mapped)
    for whole, names in (("company", _COMPANY), ("address", _ADDRESS)):
        if isinstance(parts := found.get(whole), dict):
            del found[whole]
            for name, value in _renamed(parts, {}).items():
                if value is not None:
                    found.setdefault(names.get(name, f"{whole}_{name}"), value)
    return found


def group_traits(given: Mapping[str, Any], mapped: Mapping[str, str]) -> dict[str, Any]:
    """What a company's own traits say about a person of it.

    >>> group_traits({"name": "Initech", "employees": 329, "plan": "enterprise"}, {})
    {'company': 'Initech', 'employees': 329}
    """
    traits = _renamed(given, mapped)
    return {_COMPANY[name]: value for name, value in traits.items() if name in _COMPANY and value is not None}


def corrected(happened: Micros, sent: Micros | None, received: Micros) -> Micros:
    """When it happened by our clock: the client's clock is as far off as the moment at which it says it sent.

    Never after the reception.

    >>> corrected(Micros(70), Micros(90), Micros(1000)), corrected(Micros(2000), None, Micros(1000))
    (980, 1000)
    """
    off = received - sent if sent is not None else 0
    return Micros(min(happened + off, received))


def _renamed(given: Mapping[str, Any], table: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    later: dict[str, Any] = {}
    for name, value in given.items():
        ours = table.get(name) or table.get(field_name(name)) or field_name(name)
        (found if ours == name else later).setdefault(ours, value)
    for name, value in later.items():
        found.setdefault(name, value)
    return found


def _set_duration(properties: dict[str, Any]) -> None:
    for name, unit in _DURATIONS.items():
        value = properties.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            properties["duration_s"] = value * unit if unit != 1 else value
            return


def _set_asset(properties: dict[str, Any]) -> None:
    for name in _ASSETS:
        if isinstance(value := properties.get(name), str) and value:
            properties["asset"] = value
            return
    if isinstance(url := properties.get("url"), str) and (last := last_segment(url)):
        properties["asset"] = last


def last_segment(url: str) -> str:
    """The name of the file that an address leads to; empty where it names none."""
    try:
        return unquote(urlsplit(url).path).rpartition("/")[2]
    except ValueError:
        return ""
