"""A source: one site, application or server that sends events, and what it may."""

import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

import msgspec

from connectors.ingest.exclusions import NOBODY, Exclusions
from connectors.ingest.limits import Rate
from connectors.ingest.mapping import SourceMapping
from connectors.ingest.producer import Outgoing
from scorer.errors import EventError
from scorer.event import Event

RIGHTS: Final = frozenset({"identify", "alias", "outcome", "retract"})
"""Types that say more than what somebody did: who it was, what sales think, what did not happen."""

PUBLIC_RIGHTS: Final = frozenset({"identify"})
"""Of a source whose keys stand in pages, where everybody reads them."""

KEPT_OF_ADDRESS: Final = {4: 24, 6: 48}
"""Bits of an address that are left once it is cut: an office or a town, not a household."""

_HASH_LETTERS: Final = 32
_COLON: Final = rb"(?:%3[Aa]|:)"
_ADDRESS: Final = re.compile(
    rb"(?<![0-9.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9.])"
    rb"|(?<![0-9A-Fa-f:])(?:[0-9A-Fa-f]{0,4}" + _COLON + rb"){3,7}[0-9A-Fa-f]{0,4}"
)
_fields: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


class NotAllowedError(EventError):
    """An event of a type that its source may not send."""


class TooFastError(EventError):
    """An event of a lead that is sent faster than its source lets any lead."""

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class Source:
    """What the sources file says under one name; the defaults are those of a secret write key."""

    name: str
    rights: frozenset[str] = RIGHTS
    types: frozenset[str] | None = None
    """The only types of events that it sends, beside those it has a right to; None: any."""
    origins: frozenset[str] | None = None
    """The sites whose pages may send with its keys; None: as the gateway's own setting says."""
    public: bool = False
    rate: Rate | None = None
    """Of its events."""
    lead_rate: Rate | None = None
    """Of its events of any one lead."""
    address: Callable[[str], str | None] | None = None
    """What is kept of a person's network address; None: all of it."""
    exclusions: Exclusions = NOBODY
    mapping: SourceMapping | None = None
    """Instead of what the mapping file says of the protocol."""
    keys: tuple[bytes, ...] = field(default=(), repr=False)
    """Digests."""
    protocols: frozenset[str] | None = None
    """Those that its keys open; None: every one."""
    ids: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Of protocols that carry only a public id."""

    @cached_property
    def looks_at_events(self) -> bool:
        """Whether there is anything about its events that it has an opinion on."""
        return (
            self.rights != RIGHTS
            or self.types is not None
            or self.lead_rate is not None
            or self.address is not None
            or self.exclusions is not NOBODY
        )

    def require_allowed(self, of_type: str) -> None:
        """Raises NotAllowedError unless it may send events of this type."""
        allowed = self.rights if of_type in RIGHTS else self.types
        if allowed is not None and of_type not in allowed:
            raise NotAllowedError(f"type: this key may not send {of_type}")

    def without_address(self, record: Outgoing, event: Event) -> Outgoing:
        """The record with what is kept of the person's address."""
        if self.address is None or event.context is None or "ip" not in event.context:
            return record
        told = event.context["ip"]
        kept = self.address(told) if isinstance(told, str) else None
        context = {name: value for name, value in event.context.items() if name != "ip"}
        if kept is not None:
            context["ip"] = kept
        whole = _fields.decode(record.value)
        whole["context"] = msgspec.Raw(msgspec.json.encode(context))
        return msgspec.structs.replace(record, value=msgspec.json.encode(whole))

    def unaddressed(self, raw: bytes) -> bytes:
        """Bytes that could not be read, less what looks like an address in them, unless that is kept."""
        return raw if self.address is None else _ADDRESS.sub(b"-", raw)


def cut(address: str) -> str | None:
    """The network of an address, without the rest; None where it is no address.

    >>> cut("203.0.113.77"), cut("2001:db8:1:2:3::4"), cut("::ffff:203.0.113.77"), cut("office")
    ('203.0.113.0', '2001:db8:1::', '203.0.113.0', None)
    """
    try:
        found = ip_address(address.strip())
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return str(ip_network((int(found), KEPT_OF_ADDRESS[found.version]), strict=False).network_address)


def hashed(key: bytes) -> Callable[[str], str | None]:
    """A name for an address that only who has the key can tell from the address."""

    def hash_of(address: str) -> str | None:
        told = address.strip().lower().encode("utf-8", "replace")
        return hmac.digest(key, told, "sha256").hex()[:_HASH_LETTERS]

    return hash_of


def dropped(_: str) -> None:
    """Nothing of an address."""
