"""Reads the sources file: who may send events, with which keys, by which protocols, and what is kept of it.

website:
  keys: [{env: WEBSITE_KEY}, "sha256:…"]     # two while one takes the other's place
  ids: {snowplow: [shop], matomo: ["1"]}
  origins: [https://www.acme.example]
  ip: cut
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import msgspec

from connectors.ingest.errors import ConfigError
from connectors.ingest.exclusions import NOBODY, Exclusions
from connectors.ingest.keys import EVERY_PROTOCOL, KEYED, PROTOCOLS, digest_of
from connectors.ingest.limits import Rate
from connectors.ingest.mapping import SourceMapping, in_snake_case
from connectors.ingest.source import PUBLIC_RIGHTS, RIGHTS, Source, cut, dropped, hashed
from scorer.checked import Checked
from scorer.yaml_file import Path as Where
from scorer.yaml_file import YamlFile

_KEYS_AND_IDS: Final = ("keys", "ids", "protocols", "public")
_RULES: Final = ("may", "types", "origins", "rate", "lead_rate", "ip", "exclude", "mapping")
_FIELDS: Final = dict.fromkeys((*_KEYS_AND_IDS, *_RULES), False)
_EXCLUDE: Final = dict.fromkeys(("networks", "email_domains", "users", "hosts", "internal"), False)
_RATE: Final = {"events": True, "burst": False}
_DIGEST: Final = re.compile(r"sha256:([0-9a-fA-F]{64})\Z")
_TYPE: Final = re.compile(r"[a-z][a-z0-9_]*\Z")
_LEAST_KEY: Final = 8
"""Letters of a key: shorter is a slip, or soon guessed."""
_MOST_KEY_BYTES: Final = 4_096
_ADDRESSES: Final = ("keep", "cut", "hash", "drop")
_KEY_KINDS: Final = "a key, {env: NAME}, {file: PATH} or sha256:DIGEST"

_Read = TypeVar("_Read")


@dataclass(frozen=True)
class Surroundings:
    """What a sources file refers to."""

    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    address_key: bytes = field(default=b"", repr=False)
    """What addresses are hashed with."""


Stamps = dict[Path, object]
"""Files that were read, each as it was just before."""


def read_sources(path: Path, surroundings: Surroundings) -> tuple[list[Source], Stamps]:
    """The sources of a file, and what was read for them; ConfigError names all that is wrong."""
    seen = {path: stamp(path)}
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: no UTF-8 text: expected a YAML file of sources") from None
    found, key_files = parse_sources(text, str(path), surroundings)
    return found, seen | key_files


def parse_sources(text: str, file: str, surroundings: Surroundings) -> tuple[list[Source], Stamps]:
    """The sources of a file's text, and the files that hold its keys.

    >>> parse_sources("shop: {ids: {snowplow: [shop]}}", "sources.yml", Surroundings())[0][0].ids
    {'snowplow': ('shop',)}
    """
    reader = _Reader(YamlFile(text, file), surroundings)
    found = reader.sources()
    if reader.problems:
        raise ConfigError("\n".join(map(str, sorted(reader.problems, key=lambda one: (one.line, one.field)))))
    return found, reader.stamps


def stamp(path: Path) -> object:
    """What is another once the file has changed; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


class _Reader(Checked):
    """Goes through the file and notes every problem on its way."""

    def __init__(self, file: YamlFile, surroundings: Surroundings) -> None:
        super().__init__(file)
        self._surroundings = surroundings
        self._folder = Path(file.name).parent
        self.stamps: Stamps = {}
        self._owners: dict[tuple[str, bytes], str] = {}

    def sources(self) -> list[Source]:
        if self.problems:
            return []
        if not isinstance(self.data, dict) or not self.data:
            self.report((), "expected names with what each source may, such as `website: {keys: […]}`")
            return []
        return [self._source(self.name(name, (name,), "website"), told) for name, told in self.data.items()]

    def _source(self, name: str, told: Any) -> Source:
        at: Where = (name,)
        told = self.mapping(told, at, _FIELDS, "a source: keys or ids, and what they may")
        keys = self._keys(told, at)
        ids = self._ids(told.get("ids", {}), (*at, "ids"))
        if not (keys or ids or "keys" in told or "ids" in told):
            self.report(at, "nobody could send by it: expected keys ([] of what only links name), or ids of "
                            "a protocol")  # fmt: skip
        origins = self._list(told, at, "origins", self._origin)
        public = self._flag(told, at, "public", bool(ids or origins))
        may = self._list(told, at, "may", self._right)
        types = self._list(told, at, "types", self._type)
        protocols = self._list(told, at, "protocols", self._protocol)
        for key in keys:
            self._owned("", key, name, (*at, "keys"))
        for protocol, values in ids.items():
            for value in values:
                self._owned(protocol, digest_of(value), name, (*at, "ids", protocol))
        return Source(
            name=name,
            rights=(PUBLIC_RIGHTS if public else RIGHTS) if may is None else frozenset(may),
            types=None if types is None else frozenset(types),
            origins=None if origins is None else frozenset(origins),
            public=public,
            rate=self._rate(told, at, "rate"),
            lead_rate=self._rate(told, at, "lead_rate"),
            address=self._address(told, at),
            exclusions=self._exclusions(told.get("exclude"), (*at, "exclude")),
            mapping=self._mapping(told.get("mapping"), (*at, "mapping")),
            keys=tuple(keys),
            protocols=None if protocols is None else frozenset(protocols),
            ids=ids,
        )

    def _keys(self, told: dict[str, Any], at: Where) -> list[bytes]:
        return self._list(told, at, "keys", self._key) or []

    def _key(self, told: Any, at: Where) -> bytes | None:
        if isinstance(told, dict) and len(told) == 1 and told.keys() <= {"env", "file"}:
            return self._key_from(*next(iter(told.items())), at)
        if not isinstance(told, str):
            self.report(at, f"expected {_KEY_KINDS}")
            return None
        if told.startswith("sha256:"):
            if found := _DIGEST.match(told):
                return bytes.fromhex(found[1])
            self.report(at, "expected sha256: and the 64 hexadecimal digits of a key's SHA-256")
            return None
        return self._secret(told, at, "the key")

    def _key_from(self, kind: str, named: Any, at: Where) -> bytes | None:
        place = (*at, kind)
        if not isinstance(named, str) or not named:
            self.report(place, "expected the name of a variable" if kind == "env" else "expected a path")
            return None
        if kind == "env":
            value = self._surroundings.environment.get(named)
            if value is None:
                self.report(place, f"{named} is not set: expected a variable that holds the key")
                return None
            return self._secret(value, place, f"the key in {named}")
        path = self._folder / named
        self.stamps[path] = stamp(path)
        try:
            with path.open("rb") as file:
                value = file.read(_MOST_KEY_BYTES).decode()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "no text"
            self.report(place, f"cannot be read ({why}): expected a file that holds the key alone")
            return None
        return self._secret(value, place, "the key in this file")

    def _secret(self, value: str, at: Where, what: str) -> bytes | None:
        """The digest of a key; no message quotes it."""
        key = value.strip()
        if len(key) < _LEAST_KEY or not key.isascii() or not key.isprintable() or " " in key:
            wanted = f"expected {_LEAST_KEY} or more printable ASCII letters without blanks"
            self.report(at, f"{what} is no key: {wanted}")
            return None
        return digest_of(key)

    def _ids(self, told: Any, at: Where) -> dict[str, tuple[str, ...]]:
        if not isinstance(told, dict):
            self.report(at, "expected protocols with their public ids, such as {matomo: ['1']}")
            return {}
        found = {}
        for protocol, values in told.items():
            place = (*at, protocol)
            if protocol not in PROTOCOLS | KEYED:
                self.report(place, f"no protocol: {self.choice(protocol, PROTOCOLS | KEYED)}")
                continue
            listed = values if isinstance(values, list) else [values]
            texts = [str(one) if type(one) is int else one for one in listed]
            for index, one in enumerate(texts):
                if not isinstance(one, str) or not one.strip() or (one == "*" and protocol in KEYED):
                    self.report((*place, index), "expected a public id, such as shop")
            found[protocol] = tuple(one for one in texts if isinstance(one, str))
        return found

    def _owned(self, protocol: str, digest: bytes, name: str, at: Where) -> None:
        first = self._owners.setdefault((protocol, digest), name)
        if first != name:
            self.report(at, f"{first} has one of them too: expected each key and id in one source")

    def _list(
        self, told: dict[str, Any], at: Where, name: str, read: Callable[[Any, Where], _Read | None]
    ) -> list[_Read] | None:
        """The members of a list that are right; None where the field is absent."""
        if name not in told:
            return None
        listed, place = told[name], (*at, name)
        if not isinstance(listed, list):
            self.report(place, "expected a list, such as [one, another]")
            return []
        read_ones = (read(one, (*place, index)) for index, one in enumerate(listed))
        return [one for one in read_ones if one is not None]

    def _flag(self, told: dict[str, Any], at: Where, name: str, default: bool) -> bool:
        value = told.get(name, default)
        if not isinstance(value, bool):
            self.report((*at, name), "expected true or false")
            return default
        return value

    def _one_of(self, value: Any, at: Where, right: Iterable[str], what: str) -> str | None:
        known = sorted(right)
        if isinstance(value, str) and value in known:
            return value
        self.report(at, f"no {what}: {self.choice(value, known)}")
        return None

    def _right(self, value: Any, at: Where) -> str | None:
        return self._one_of(value, at, RIGHTS, "right")

    def _protocol(self, value: Any, at: Where) -> str | None:
        return self._one_of(value, at, EVERY_PROTOCOL, "protocol")

    def _type(self, value: Any, at: Where) -> str | None:
        if isinstance(value, str) and value in RIGHTS:
            self.report(at, f"{value} is a right: expected it in `may`")
        elif not isinstance(value, str) or not _TYPE.match(value):
            self.report(at, "no type of an event: expected lower case such as page_view")
        else:
            return value
        return None

    def _origin(self, value: Any, at: Where) -> str | None:
        try:
            parts = urlsplit(value) if isinstance(value, str) else None
            port = "" if parts is None or parts.port is None else f":{parts.port}"
        except ValueError:
            parts = None
        if parts is None or not parts.hostname or value != f"{parts.scheme}://{parts.hostname}{port}":
            self.report(at, "expected a site as browsers name it: scheme, host in lower case, port unless it "
                            "is the usual one, no path, such as https://www.acme.example")  # fmt: skip
            return None
        return str(value)

    def _rate(self, told: dict[str, Any], at: Where, name: str) -> Rate | None:
        if name not in told:
            return None
        place = (*at, name)
        value = told[name] if isinstance(told[name], dict) else {"events": told[name]}
        value = self.mapping(value, place, _RATE, "a number of events a second, or {events: 100, burst: 500}")
        if "events" not in value:
            return None
        rate = Rate.of(self.number(value["events"], (*place, "events"), "100", above=0.0) or 1.0)
        if "burst" in value:
            rate = Rate(rate.per_second, self.number(value["burst"], (*place, "burst"), "500", least=1.0))
        return rate

    def _address(self, told: dict[str, Any], at: Where) -> Callable[[str], str | None] | None:
        kind = self._one_of(told.get("ip", "keep"), (*at, "ip"), _ADDRESSES, "way to keep addresses")
        if kind == "hash" and not self._surroundings.address_key:
            self.report((*at, "ip"), "addresses are hashed with a secret: expected LEADHEAT_ADDRESS_KEY set")
        key = self._surroundings.address_key
        return {"cut": cut, "hash": hashed(key), "drop": dropped}.get(kind or "keep")

    def _exclusions(self, told: Any, at: Where) -> Exclusions:
        if told is None:
            return NOBODY
        told = self.mapping(told, at, _EXCLUDE, "whom to leave out: networks, email_domains, users, hosts")
        return Exclusions(
            networks=tuple(self._list(told, at, "networks", self._network) or ()),
            email_domains=frozenset(self._list(told, at, "email_domains", self._domain) or ()),
            users=frozenset(self._list(told, at, "users", self._user) or ()),
            hosts=tuple(self._list(told, at, "hosts", self._host) or ()),
            internal=self._flag(told, at, "internal", False),
        )

    def _network(self, value: Any, at: Where) -> IPv4Network | IPv6Network | None:
        try:
            if isinstance(value, str):
                return ip_network(value)
        except ValueError:
            pass
        self.report(at, "no network: expected an address, or its first one and its bits, as 203.0.113.0/24")
        return None

    def _domain(self, value: Any, at: Where) -> str | None:
        if isinstance(value, str) and re.fullmatch(r"@?[^\s@/]+\.[^\s@/]+", value):
            return value.removeprefix("@").lower()
        self.report(at, "no domain: expected what is behind the @, such as acme.example")
        return None

    def _user(self, value: Any, at: Where) -> str | None:
        return self.text(str(value) if type(value) is int else value, at, "u-42") or None

    def _host(self, value: Any, at: Where) -> str | None:
        if isinstance(value, str) and re.fullmatch(r"[^\s/:@]+", value):
            return value.lower()
        self.report(at, "no host: expected one without scheme and port, such as staging.acme.example")
        return None

    def _mapping(self, told: Any, at: Where) -> SourceMapping | None:
        if told is None:
            return None
        try:
            return in_snake_case(msgspec.convert(told, SourceMapping))
        except msgspec.ValidationError as error:
            self.report(at, f"{error}: expected events, properties, traits, each {{their name: ours}}")
            return None
