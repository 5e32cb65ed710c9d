"""Ports and addresses: what is free, what answers, and what to do where not."""

import contextlib
import itertools
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from deploy import ports
from deploy.errors import PortInUseError, UnreachableError


def test_free_ports_are_different_and_free() -> None:
    found = ports.free_ports(3)
    assert len(set(found)) == 3
    for port in found:
        ports.require_free("127.0.0.1", port, "a test", "--port")


def test_no_port_is_given_twice_in_a_row() -> None:
    assert not {*ports.free_ports(20)} & {*ports.free_ports(20)}


def test_no_port_in_use_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    (taken,) = ports.free_ports(1)
    with socket.create_server(("127.0.0.1", taken)):
        monkeypatch.setattr(ports, "_places", itertools.count(taken - ports._FIRST))
        assert taken not in ports.free_ports(2)


def test_processes_are_given_different_ports() -> None:
    command = [sys.executable, "-c", "from deploy.ports import free_ports; print(*free_ports(100))"]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    given = [process.communicate()[0].split() for process in processes]
    assert len({port for one in given for port in one}) == 400


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
    with _answering(lambda asked: b"\x00\x00\x00\x06" + asked[8:12] + b"\x00\x00") as address:
        ports.require_broker(f"127.0.0.1:{absent}, {address}")
    with pytest.raises(UnreachableError, match=f"no Kafka broker answers at 127.0.0.1:{absent}"):
        ports.require_broker(f"127.0.0.1:{absent}")


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"\x00\x00"])
def test_what_listens_and_is_no_kafka_is_told(answer: bytes) -> None:
    with (
        _answering(lambda _: answer) as address,
        pytest.raises(UnreachableError, match="takes connections, but does not answer as Kafka does"),
    ):
        ports.require_broker(address)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"-NOAUTH Authentication required.\r\n", "wants a password"),
        (b"-ERR DB index is out of range\r\n", "refuses: DB index is out of range"),
    ],
)
async def test_a_redis_that_refuses_says_why(answer: bytes, told: str) -> None:
    with _answering(lambda _: answer) as address, pytest.raises(UnreachableError, match=told) as refusal:
        await ports.require_store(f"redis://:canary@{address}/0")
    assert "canary" not in str(refusal.value)


@contextlib.contextmanager
def _answering(answer: Callable[[bytes], bytes]) -> Iterator[str]:
    """The address of a server that gives one answer to the first words of each connection, and hangs up."""

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection = listening.accept()[0]
                with connection:
                    connection.sendall(answer(connection.recv(1_000)))

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
