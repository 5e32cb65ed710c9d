"""Whose network an address is in: mail scanners', clouds', or one that whole companies browse through."""

import json
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib.resources import files
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    collapse_addresses,
    ip_address,
    ip_network,
)
from typing import Final

from connectors.ingest.errors import ConfigError
from connectors.ingest.robots.rules import Network

_REMEMBERED: Final = 8_192
_KINDS: Final = ("people", "scanner", "cloud")
"""The first that an address is of: a company's proxy and a scanner's host may stand in a cloud."""
_PACKAGE: Final = "pymispwarninglists"

Address = IPv4Address | IPv6Address


class Networks:
    """The kinds of networks, from the package's lists and ranges of one's own.

    >>> networks = Networks([Network(kind="scanner", ranges=("192.0.2.0/24",))])
    >>> networks("192.0.2.7"), networks("198.51.100.1"), networks("nonsense")
    ('scanner', '', '')
    """

    def __init__(self, networks: Iterable[Network]) -> None:
        told = list(networks)
        self._ranges = {kind: _merged(tuple(one for one in told if one.kind == kind)) for kind in _KINDS}
        self._kind = lru_cache(_REMEMBERED)(self._look)

    def __call__(self, address: str) -> str:
        return self._kind(address[:64])

    def _look(self, text: str) -> str:
        try:
            address = ip_address(text.strip())
        except ValueError:
            return ""
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return next((kind for kind in _KINDS if address in self._ranges[kind]), "")


class _Ranges:
    """Ranges that don't overlap, in order."""

    def __init__(self, networks: Sequence[IPv4Network | IPv6Network]) -> None:
        self._firsts: dict[int, list[int]] = {}
        self._lasts: dict[int, list[int]] = {}
        four = collapse_addresses(one for one in networks if isinstance(one, IPv4Network))
        six = collapse_addresses(one for one in networks if isinstance(one, IPv6Network))
        for version, merged in ((4, list(four)), (6, list(six))):
            self._firsts[version] = [int(one.network_address) for one in merged]
            self._lasts[version] = [int(one.broadcast_address) for one in merged]

    def __contains__(self, address: Address) -> bool:
        place = bisect_right(self._firsts[address.version], int(address)) - 1
        return place >= 0 and int(address) <= self._lasts[address.version][place]


@lru_cache(len(_KINDS))
def _merged(networks: tuple[Network, ...]) -> _Ranges:
    """The ranges of some networks; remembered, since the lists are tens of thousands and always the same."""
    return _Ranges([one for network in networks for one in _ranges(network)])


def _ranges(network: Network) -> list[IPv4Network | IPv6Network]:
    return [ip_network(text) for text in (network.ranges if network.list is None else _listed(network.list))]


def _listed(name: str) -> Sequence[str]:
    """One of the lists that CIRCL keeps with the owners' own publications."""
    path = files(_PACKAGE) / "data" / "misp-warninglists" / "lists" / name / "list.json"
    try:
        found: Sequence[str] = json.loads(path.read_text(encoding="utf-8"))["list"]
    except OSError:
        raise ConfigError(f"networks: list: {name}: {_PACKAGE} has no such list") from None
    return found
