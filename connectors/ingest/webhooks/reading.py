"""Reads what providers send: JSON of which every field may be missing or of another kind than documented."""

import re
from collections.abc import Mapping
from email.utils import parseaddr
from typing import Any, Final

import msgspec

from connectors.ingest.lenient import mended
from connectors.ingest.names import field_name
from scorer.errors import EventError
from scorer.times import Micros, parse_time

_MILLISECONDS_FROM: Final = 100_000_000_000
"""A time given as a number: from here (in the year 5138 as seconds) on it counts milliseconds."""
_LAST: Final = 1e14
"""Beyond it milliseconds are no year that a calendar has."""
_NUMBER: Final = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,20})?\Z")
_LONGEST_ADDRESS: Final = 320
_NOTHING: Final[Mapping[str, Any]] = {}


def decoded(item: bytes) -> Mapping[str, Any]:
    """The object that an item is; raises EventError where it is none."""
    try:
        found = msgspec.json.decode(item)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        found = msgspec.json.decode(mended(item))
    if not isinstance(found, dict):
        raise EventError("expected an object")
    return found


def part(of: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """The object at a path, empty where there is none."""
    for name in path:
        inner = of.get(name)
        of = inner if isinstance(inner, dict) else _NOTHING
    return of


def text(of: Mapping[str, Any], *names: str) -> str | None:
    """The first of some fields that says something; a whole number as its digits.

    >>> text({"a": "", "b": 7, "c": "x"}, "a", "b", "c"), text({"a": True}, "a")
    ('7', None)
    """
    for name in names:
        value = of.get(name)
        if isinstance(value, str) and value.strip():
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return _digits(value)
    return None


def texts(value: object) -> list[str]:
    """A text or a list of them, as a list, without the empty ones.

    >>> texts(["a", "", 3]), texts("a"), texts(None)
    (['a'], ['a'], [])
    """
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str) and one]


def inner(value: object) -> Any:
    """What a text says in JSON, or the value itself where it is no such text."""
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.MsgspecError, RecursionError):
        return value


def custom(value: object) -> dict[str, Any]:
    """The sender's own data of a message: an object, or the JSON of one in a text."""
    found = inner(value)
    return found if isinstance(found, dict) else {}


def headers_of(listed: object) -> dict[str, list[str]]:
    """A message's own headers, listed by name and value, by name in lower case.

    >>> headers_of([{"name": "X-Tag", "value": "a"}, {"name": "X-Tag", "value": "b"}, 3])
    {'x-tag': ['a', 'b']}
    """
    found: dict[str, list[str]] = {}
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, dict) and (name := text(one, "name")) and (value := text(one, "value")):
            found.setdefault(name.lower(), []).append(value)
    return found


def moment(value: object) -> Micros | None:
    """A time as providers write them: seconds, milliseconds (by their size), RFC 3339; None: no time.

    >>> moment(1461095250), moment("1461095250.5"), moment(1520363423000)
    (1461095250000000, 1461095250500000, 1520363423000000)
    >>> moment("2016-04-27T16:28:50.3963933-04:00"), moment("soon")
    (1461788930396393, None)
    """
    try:
        if isinstance(value, str):
            if not _NUMBER.match(value):
                return parse_time(value.strip())
            value = float(value)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < _LAST:
            return None
        return Micros(round(value * (1_000 if value >= _MILLISECONDS_FROM else 1_000_000)))
    except ValueError:
        return None


def address(value: str | None) -> str:
    """An e-mail address as an identity: lower case, without the name beside it; EventError: it is none.

    >>> address("Ada <Ada@Acme.Example>"), address("invalid@invalid")
    ('ada@acme.example', 'invalid@invalid')
    """
    found = (value or "").strip()
    if "<" in found and len(found) <= 2 * _LONGEST_ADDRESS:
        found = parseaddr(found)[1]
    found = found.lower()
    if not found:
        raise EventError("recipient: missing: expected the address of the message's recipient")
    if "@" not in found or len(found) > _LONGEST_ADDRESS or any(c.isspace() for c in found):
        raise EventError("recipient: no e-mail address")
    return found


def identity(of: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    """The first of some names' values, however the names are spelt (`leadId`, `Lead ID`)."""
    spelt = {field_name(name): value for name, value in of.items()}
    return text(spelt, *(field_name(name) for name in names))


def _digits(value: int) -> str | None:
    try:
        return str(value)
    except ValueError:  # thousands of digits, which Python does not write
        return None
