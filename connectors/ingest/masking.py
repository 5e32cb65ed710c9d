"""Hides what names a person or opens a door, in what the page of arrivals shows of requests.

What is left says which fields came and what they look like. A name in a free text (a page's title) is not
recognised.
"""

import re
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from connectors.ingest.names import field_name
from scorer.ids import digest

HIDDEN: Final = "•••"
_SECRET: Final = frozenset(
    [
        "key",
        "write_key",
        "api_key",
        "apikey",
        "token",
        "token_auth",
        "access_token",
        "api_secret",
        "secret",
        "password",
        "passwd",
        "pass",
        "pwd",
        "authorization",
        "auth",
        "signature",
        "sig",
        "cookie",
        "session",
        "credentials",
        "jwt",
    ]
)
_PERSONAL: Final = frozenset(
    [
        "name",
        "first_name",
        "firstname",
        "last_name",
        "lastname",
        "full_name",
        "surname",
        "nom",
        "prenom",
        "username",
        "user_name",
        "login",
        "email",
        "mail",
        "e_mail",
        "phone",
        "telephone",
        "tel",
        "mobile",
        "fax",
        "address",
        "street",
        "address1",
        "address2",
        "zip",
        "postal_code",
        "postcode",
        "birthday",
        "birth_date",
        "birthdate",
        "ip",
        "ip_address",
        "remote_addr",
        "avatar",
        "linkedin",
        "twitter",
        "recipient",
        "rcpt",
        "to",
    ]
)
_IDS: Final = frozenset(
    [
        "lead_id",
        "anonymous_id",
        "user_id",
        "userid",
        "uid",
        "duid",
        "cid",
        "_id",
        "client_id",
        "distinct_id",
        "previous_id",
        "alias",
        "anon_id",
        "anonymous_user_id",
        "visitor_id",
        "contact_id",
        "nuid",
        "network_userid",
        "domain_userid",
        "mautic_device_id",
    ]
)
_TELLING: Final = frozenset({"email", "mail", "phone", "mobile", "password", "token", "secret", "ip"})
"""Words that say enough of a field in whose name they are."""
_EMAIL: Final = re.compile(r"[^\s\"'<>(),;:=&?/\\@]{1,64}(?:@|%40)[\w-]{1,63}(?:\.[\w-]{1,63}){1,6}")
_IP: Final = re.compile(
    r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])|(?<![\w:])(?:[0-9a-fA-F]{0,4}:){3,7}[0-9a-fA-F]{1,4}(?![\w:])"
)
_PAIR: Final = re.compile(r"([?&#;]|^)([\w.\[\]-]{1,40})=([^&#\s\"']*)")
_STRING: Final = re.compile(r'"((?:[^"\\]|\\.)*)(?:"(\s*:)?|\Z)', re.DOTALL)
_JSON: Final = ("{", "[")
_ENCODED: Final = re.compile(r"[A-Za-z0-9+/_-]{40,}={0,2}")
"""Base64, in which anything may be."""
_THINGS: Final = frozenset({"events", "library", "campaign", "os", "app", "network", "page"})
"""What has a `name` that is no person's."""
_DEEPEST: Final = 12
_MOST_ITEMS: Final = 30
_MOST_TEXT: Final = 300
_MOST_PARSED: Final = 64_000


class Masking:
    """Masks what one request holds; `keys` are those that it showed."""

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self._keys = [key for key in keys if key]

    def body(self, body: bytes, most: int) -> str:
        """The beginning of a body: JSON and forms by their fields, anything else as text."""
        text = body[:_MOST_PARSED].decode(errors="replace").strip()
        if text.startswith(_JSON):
            return _cut(self._json(text), most)
        if "=" in text and not text.startswith("<") and "\n" not in text:
            return _cut("\n".join(f"{name}={value}" for name, value in self.pairs(text)), most)
        return self.text(text, most)

    def pairs(self, query: str) -> list[tuple[str, str]]:
        """The fields of a query or a form."""
        try:
            found = parse_qsl(query[:_MOST_PARSED], keep_blank_values=True, max_num_fields=1_000)
        except ValueError:
            return []
        return [(self.text(name, 80), self._of(name, text)) for name, text in found[:_MOST_ITEMS]]

    def value(self, told: Any, name: str = "", level: int = 0) -> Any:
        """What was parsed, each field by its name; the first items of what is long, and not the deepest.

        >>> Masking().value({"email": "ada@acme.example", "title": "CEO", "lead_id": "u-42"})
        {'email': '•••', 'title': 'CEO', 'lead_id': 'u-…8758'}
        """
        if isinstance(told, dict | list) and (level == _DEEPEST or _hides(name)):
            return HIDDEN
        if isinstance(told, dict):
            items = list(told.items())[:_MOST_ITEMS]
            return {self.text(key, 80): self.value(one, _meant(key, name), level + 1) for key, one in items}
        if isinstance(told, list):
            return [self.value(one, name, level + 1) for one in told[:_MOST_ITEMS]]
        if isinstance(told, bool) or told is None:
            return told
        if isinstance(told, int | float):
            text = str(told)
            return told if (found := self._of(name, text)) == text else found
        return self._of(name, str(told))

    def text(self, text: str, most: int = _MOST_TEXT) -> str:
        """A text without addresses, keys and what is encoded.

        >>> Masking(["wk-1"]).text("ada@acme.example at 192.0.2.7 with wk-1, https://a.example/?token=1&page=2")
        '••• at ••• with •••, https://a.example/?token=•••&page=2'
        """
        if text.lstrip().startswith(_JSON):
            return _cut(self._json(text[:_MOST_PARSED]), most)
        text = text[: 4 * most]
        for key in self._keys:
            text = text.replace(key, HIDDEN)
        text = _EMAIL.sub(HIDDEN, text)
        text = _IP.sub(HIDDEN, text)
        text = _PAIR.sub(lambda found: f"{found[1]}{found[2]}={self._of(found[2], found[3])}", text)
        text = _ENCODED.sub(lambda found: f"{HIDDEN}({len(found[0])})", text)
        return _cut(text, most)

    def _json(self, text: str) -> str:
        """JSON, indented; of what is broken, or too long to read, the names only."""
        shown = []
        for one in text.splitlines()[:_MOST_ITEMS] if text.startswith("{") else [text]:
            try:
                told = msgspec.json.decode(one)
            except (msgspec.MsgspecError, UnicodeError, RecursionError):
                break
            shown.append(msgspec.json.encode(self.value(told)))
        else:
            return "\n".join(msgspec.json.format(one, indent=2).decode() for one in shown)
        try:
            return msgspec.json.format(msgspec.json.encode(self.value(msgspec.json.decode(text)))).decode()
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return self._names(text)

    def _names(self, text: str) -> str:
        return _STRING.sub(lambda found: f'"{self.text(found[1], 80)}":' if found[2] else f'"{HIDDEN}"', text)

    def _of(self, name: str, text: str) -> str:
        field = _field(name)
        if not text:
            return text
        if _hides(name):
            return HIDDEN
        if field in _IDS or name in _IDS:
            return f"{text[: min(3, len(text) // 2)]}…{digest(text).hex()[:4]}" if "@" not in text else HIDDEN
        return self.text(text)


def _field(name: str) -> str:
    """The name of a field, also of one that a form has in brackets."""
    return field_name(name.rpartition("[")[2].rstrip("]") or name)


def _hides(name: str) -> bool:
    field = _field(name)
    return field in _SECRET or field in _PERSONAL or not _TELLING.isdisjoint(field.split("_"))


def _meant(name: str, of: str) -> str:
    """The name of a field, unless it says what something is called that is nobody."""
    return "" if name == "name" and of in _THINGS else name


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}…"
