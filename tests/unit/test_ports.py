"""Ports and addresses: what is free, what answers, and what to do where not."""

import socket

import pytest

from deploy import ports
from deploy.errors import PortInUseError, UnreachableError


def test_free_ports_are_different_and_free() -> None:
    found = ports.free_ports(3)
    assert len(set(found)) == 3
    for port in found:
        ports.require_free("127.0.0.1", port, "a test", "--port")


def test_a_port_in_use_is_named_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            PortInUseError, match=f"port {port} on 127.0.0.1.*choose another port with --port"
        ):
            ports.require_free("127.0.0.1", port, "the board", "--port")


def test_an_address_that_is_not_ours_is_told() -> None:
    with pytest.raises(PortInUseError, match=r"cannot listen on 192\.0\.2\.1:8000"):
        ports.require_free("192.0.2.1", 8000, "the board", "--port")


def test_a_broker_is_there_when_one_of_several_answers() -> None:
    [absent] = ports.free_ports(1)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        ports.require_broker(f"127.0.0.1:{absent}, {address}")
    with pytest.raises(UnreachableError, match=f"no Kafka broker answers at 127.0.0.1:{absent}"):
        ports.require_broker(f"127.0.0.1:{absent}")
