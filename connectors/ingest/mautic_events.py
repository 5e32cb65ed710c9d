"""Turns a page view of Mautic's tracking script into events."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from connectors.ingest.addresses import campaign_of
from connectors.ingest.mapping import SourceMapping
from connectors.ingest.names import last_segment, properties_of, traits_of
from scorer.errors import EventError

Fields = Mapping[str, str]

_PAGE: Final = {"page_url": "url", "page_title": "title", "page_referrer": "referrer"}
_CONTEXT: Final = {"preferred_locale": "locale", "timezone": "timezone"}
_NO_CONTACT: Final = frozenset(
    {"page_language", "counter", "timezone_offset", "resolution", "platform", "do_not_track", "fingerprint"}
) | {"mautic_device_id", "mtc_id", "mtc_sid", "adblock", "ct", "page_id", "d"}
"""Parameters that are no fields of the contact."""
_TRAITS: Final = {
    "firstname": "first_name",
    "lastname": "last_name",
    "position": "title",
    "title": "salutation",
    "mobile": "phone",
    "companyname": "company",
    "companyindustry": "industry",
    "companynumber_of_employees": "employees",
    "companyannual_revenue": "revenue",
}
_DOCUMENTS: Final = frozenset({"pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "odt", "ods", "odp"}) | {
    "csv",
    "epub",
    "rtf",
    "zip",
}
_PHP_TEXT: Final = re.compile(rb's:([0-9]{1,6}):"')


def translate(
    told: Fields, device: str, ip: str | None, user_agent: str | None, mapping: SourceMapping
) -> list[dict[str, Any]]:
    """The events of one page view, not checked yet; raises EventError where it is none."""
    found: dict[str, Any] = {ours: told[name] for name, ours in _PAGE.items() if told.get(name)}
    if "url" not in found:
        raise EventError("page_url: missing")
    file = last_segment(found["url"])
    of_type = "download" if file.rpartition(".")[2].lower() in _DOCUMENTS and "." in file else "page_view"
    if of_type == "download":
        found["asset"] = file
    context = {
        "ip": ip,
        "user_agent": user_agent,
        "channel": "browser",
        **{ours: told.get(name) for name, ours in _CONTEXT.items()},
        "do_not_track": told.get("do_not_track") == "true",
        **campaign_of(found["url"]),
        **{name: value for name, value in told.items() if name.startswith("utm_")},
    }
    view = {
        "type": of_type,
        "anonymous_id": device,
        "properties": properties_of(found, of_type, mapping.properties),
        "context": {name: value for name, value in context.items() if value},
    }
    traits = _traits(told, mapping)
    return [view, {"type": "identify", "anonymous_id": device, "traits": traits}] if traits else [view]


def unpacked(text: str) -> dict[str, str]:
    """The fields in `d=`: base64 of a JSON object, or of a flat array as PHP serializes it.

    Raises EventError where it is neither.

    >>> unpacked(base64.b64encode(b'a:1:{s:8:"page_url";s:3:"x;y";}').decode())
    {'page_url': 'x;y'}
    """
    try:
        packed = base64.b64decode(text.replace(" ", "+") + "=" * (-len(text) % 4), altchars=b"-_")
    except (binascii.Error, ValueError):
        raise EventError("d: no base64") from None
    if packed.startswith(b"a:"):
        return _of_php(packed)
    try:
        told = msgspec.json.decode(packed, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise EventError("d: expected an object or a PHP array") from None
    return {name: str(value) for name, value in told.items() if isinstance(value, str | int | float)}


def _of_php(packed: bytes) -> dict[str, str]:
    """Names and texts of a flat array; what is nested or no text ends it."""
    texts: list[str] = []
    at = packed.find(b"{") + 1
    while match := _PHP_TEXT.match(packed, at):
        end = match.end() + int(match[1])
        texts.append(packed[match.end() : end].decode("utf-8", "replace"))
        at = end + 2
    return dict(zip(texts[::2], texts[1::2], strict=False))


def _traits(told: Fields, mapping: SourceMapping) -> dict[str, Any]:
    contact = {
        name: value
        for name, value in told.items()
        if value
        and name not in _NO_CONTACT
        and not name.startswith(("page_", "utm_"))
        and name not in _CONTEXT
    }
    return traits_of(contact, {**_TRAITS, **mapping.traits})
