"""Which addresses requests may go to, however an address is written."""

from ipaddress import ip_address

import pytest

from connectors.outward.addresses import Allowed

# fmt: off
_PRIVATE = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1",
    "127.255.255.254", "169.254.169.254", "169.254.0.1", "172.16.0.1", "172.31.255.255",
    "192.0.0.1", "192.0.2.1", "192.168.1.1", "198.18.0.1", "224.0.0.1",
    "239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "::1",
    "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::", "fc00::1", "fd00:ec2::254",
    "fe80::1", "fec0::1", "ff02::1", "2001:db8::1",
]
# fmt: on
_PUBLIC = ["1.1.1.1", "93.184.215.14", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]


@pytest.mark.parametrize("address", _PRIVATE)
def test_no_private_address_is_let_through_unless_it_is_allowed(address: str) -> None:
    assert not Allowed().lets("crm.example.com", ip_address(address))
    assert Allowed.parse("crm.example.com").lets("CRM.example.com.", ip_address(address))
    assert Allowed.parse("0.0.0.0/0, ::/0").lets("any", ip_address(address))


@pytest.mark.parametrize("address", _PUBLIC)
def test_public_addresses_are_let_through(address: str) -> None:
    assert Allowed().lets("crm.example.com", ip_address(address))


def test_a_network_allows_its_addresses_also_as_ipv6_carries_them() -> None:
    allowed = Allowed.parse(" 127.0.0.0/8 ,::1")
    assert allowed.lets("x", ip_address("127.0.0.1"))
    assert allowed.lets("x", ip_address("::ffff:127.0.0.1"))
    assert allowed.lets("x", ip_address("::1"))
    assert not allowed.lets("x", ip_address("10.0.0.1"))
    assert not Allowed.parse("").lets("x", ip_address("127.0.0.1"))


@pytest.mark.parametrize("text", ["10.0.0.1/8", "crm lan", "10.0.0.0/40", "crm.lan:8080"])
def test_what_is_neither_host_nor_network_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a host"):
        Allowed.parse(f"ok.lan, {text}")
