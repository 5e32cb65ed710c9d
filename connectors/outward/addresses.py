"""Which addresses a request may go to: public ones, and the private ones that somebody has allowed."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, Self

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_CARRIES_IPV4: Final = IPv6Network("64:ff9b::/96")
"""NAT64: the last 32 bits are the address that is meant."""


@dataclass(frozen=True)
class Allowed:
    """Private networks, and hosts wherever they are, that requests may go to; by default none.

    >>> allowed = Allowed.parse("10.1.0.0/16, CRM.example.lan")
    >>> allowed.lets("other.lan", ip_address("10.1.2.3")), allowed.lets("x", ip_address("10.2.0.1"))
    (True, False)
    >>> allowed.lets("crm.example.lan", ip_address("192.168.0.7"))
    True
    """

    networks: tuple[Network, ...] = ()
    hosts: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads networks, addresses and names of hosts, comma-separated; ValueError names what is none."""
        networks: list[Network] = []
        hosts = set()
        for word in filter(None, (one.strip() for one in text.split(","))):
            try:
                networks.append(ip_network(word))
            except ValueError:
                if "/" in word or ":" in word or any(letter.isspace() for letter in word):
                    raise ValueError(
                        f"{word!r}: expected a host (crm.lan), an address, or a network whose address ends "
                        "in zeros (10.0.0.0/8)"
                    ) from None
                hosts.add(word.lower().rstrip("."))
        return cls(tuple(networks), frozenset(hosts))

    def lets(self, host: str, address: Address) -> bool:
        """Whether a request to a host may go to one of its addresses."""
        if host.lower().rstrip(".") in self.hosts:
            return True
        return all(
            _is_public(one) or any(one in network for network in self.networks) for one in _meant(address)
        )


def _meant(address: Address) -> Iterator[Address]:
    """The address at which a packet to an address arrives, also where it is wrapped into IPv6."""
    if isinstance(address, IPv4Address):
        yield address
        return
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
        return
    yield address
    if address.sixtofour is not None:
        yield address.sixtofour
    if address in _CARRIES_IPV4:
        yield IPv4Address(address.packed[-4:])


def _is_public(address: Address) -> bool:
    if address in _CARRIES_IPV4:
        return True  # by what it carries, which is looked at on its own
    site_local = isinstance(address, IPv6Address) and address.is_site_local
    return address.is_global and not (address.is_multicast or address.is_reserved or site_local)


def address_of(text: str) -> Address:
    """An address as the resolver writes it, without the interface of a link-local one."""
    return ip_address(text.partition("%")[0])
