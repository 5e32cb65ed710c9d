"""`leadheat up` tells what is in its way before it starts anything."""

import socket
import threading
from pathlib import Path

import pytest

from deploy.ports import free_ports
from tests.integration.up_running import refused

pytestmark = pytest.mark.embedded


def test_a_port_in_use_is_named_with_what_to_do() -> None:
    [free] = free_ports(1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for arguments in (("--port", port, "--kafka-port", free), ("--port", free, "--kafka-port", port)):
            status, out, err = refused(*map(str, arguments))
            assert (status, out) == (1, "")
            assert f"port {port} on 127.0.0.1" in err
            option = arguments[arguments.index(port) - 1]
            assert f"choose another port with {option}" in err
            assert "Traceback" not in err


def test_one_port_for_both_is_refused() -> None:
    [port] = free_ports(1)
    status, out, err = refused("--port", str(port), "--kafka-port", str(port))
    assert (status, out) == (1, "")
    assert f"port {port} is wanted twice" in err


def test_a_kafka_that_does_not_answer_is_named() -> None:
    port, absent = free_ports(2)
    status, out, err = refused("--port", str(port), "--kafka", f"127.0.0.1:{absent}")
    assert (status, out) == (1, "")
    assert f"no Kafka broker answers at 127.0.0.1:{absent}" in err
    assert "Traceback" not in err


def test_a_redis_that_does_not_answer_is_named() -> None:
    port, kafka, absent = free_ports(3)
    url = f"redis://:canary@127.0.0.1:{absent}/0"
    status, out, err = refused("--port", str(port), "--kafka-port", str(kafka), "--redis", url)
    assert (status, out) == (1, "")
    assert f"no Redis answers at 127.0.0.1:{absent}" in err
    assert "canary" not in err


def test_a_wrong_grid_is_told_line_by_line(tmp_path: Path) -> None:
    grid = tmp_path / "g.yml"
    grid.write_text("grid: x\nversion: a\n")
    status, out, err = refused("--grid", str(grid))
    assert (status, out) == (1, "")
    assert err.startswith(f"{grid}:")


def test_what_listens_and_is_no_kafka_is_told() -> None:
    [port] = free_ports(1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        hung_up = threading.Thread(target=_hang_up, args=(silent,), daemon=True)
        hung_up.start()
        status, out, err = refused("--port", str(port), "--kafka", address)
    assert (status, out) == (1, "")
    assert f"{address} (takes connections, but does not answer as Kafka does)" in err


def _hang_up(listening: socket.socket) -> None:
    """Takes connections and ends them, until the socket is closed."""
    while True:
        try:
            listening.accept()[0].close()
        except OSError:
            return
