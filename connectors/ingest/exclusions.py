"""Tells which events are a company's own people's: its offices, its mail domains, its test hosts."""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from scorer.event import Event

COOKIE: Final = "leadheat_internal"
"""Set to `1` for the gateway's host, it says that the browser is one of the company's own."""


@dataclass(frozen=True)
class Exclusions:
    """Whom a source leaves out: whoever fits any of these."""

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    email_domains: frozenset[str] = frozenset()
    """With all that is below them."""
    users: frozenset[str] = frozenset()
    hosts: tuple[str, ...] = ()
    """Of the pages, `*` for any run of characters."""
    internal: bool = False
    """Whether the cookie, and `internal: true` among an event's properties or context, are heeded."""

    def cover(self, event: Event) -> bool:
        """Whether the event is one of the company's own people's."""
        properties, context = event.properties or {}, event.context or {}
        return (
            bool(self.users & {event.lead_id, event.anonymous_id})
            or (bool(self.networks) and self._in_network(context.get("ip")))
            or (bool(self.email_domains) and self._of_domain(event, properties))
            or (bool(self.hosts) and self._on_host(properties.get("url")))
            or (self.internal and (properties.get("internal") is True or context.get("internal") is True))
        )

    def cover_browser(self, cookies: Mapping[str, str]) -> bool:
        """Whether all that a browser with these cookies sends is left out."""
        return self.internal and cookies.get(COOKIE) == "1"

    def _in_network(self, told: object) -> bool:
        try:
            address = ip_address(told.strip()) if isinstance(told, str) else None
        except ValueError:
            return False
        if address is None:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self.networks)

    def _of_domain(self, event: Event, properties: Mapping[str, Any]) -> bool:
        traits = event.trait_values() if event.type == "identify" else {}
        told = (event.lead_id, event.anonymous_id, properties.get("email"), traits.get("email"))
        return any(self._is_theirs(one) for one in told if isinstance(one, str) and "@" in one)

    def _is_theirs(self, email: str) -> bool:
        domain = email.rpartition("@")[2].strip().lower().rstrip(".")
        return any(domain == one or domain.endswith(f".{one}") for one in self.email_domains)

    def _on_host(self, url: object) -> bool:
        try:
            host = (urlsplit(url).hostname or "") if isinstance(url, str) else ""
        except ValueError:
            return False
        return any(fnmatchcase(host, pattern) for pattern in self.hosts)


NOBODY: Final = Exclusions()
