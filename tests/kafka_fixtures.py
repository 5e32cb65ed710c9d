"""Brokers for tests: the embedded one, and through the same interface a real Kafka."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from deploy import leash
from deploy.embedded import broker
from deploy.ports import free_ports
from tests.kafka_real import SESSION_S
from tests.streaming import Rig

_START_WITHIN_S = 20.0


class EmbeddedBroker:
    """The embedded broker as a child process that can be killed and, empty, started again on its port."""

    def __init__(self) -> None:
        (self.port,) = free_ports(1)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """Its address, as clients want it."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Starts it and returns once it takes connections."""
        self._process = subprocess.Popen(
            leash.command(broker.command(self.port)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + _START_WITHIN_S
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise TimeoutError("the embedded broker did not start")

    def kill(self) -> None:
        """Ends it at once, and with it all that it held."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def embedded_broker() -> Iterator[EmbeddedBroker]:
    """A running embedded broker."""
    running = EmbeddedBroker()
    try:
        running.start()
        yield running
    finally:
        running.kill()


@pytest.fixture
def embedded_kafka() -> Iterator[EmbeddedBroker]:
    """An embedded broker of the test's own."""
    with embedded_broker() as running:
        yield running


@pytest.fixture
def embedded_rig(embedded_kafka: EmbeddedBroker, tmp_path: Path) -> Rig:
    """A stream on an embedded broker."""
    return Rig(embedded_kafka.bootstrap, session_s=3.0, folder=tmp_path)


@pytest.fixture(
    params=[
        pytest.param("embedded_kafka", marks=pytest.mark.embedded),
        pytest.param("real_kafka", marks=pytest.mark.kafka),
    ]
)
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Rig:
    """A stream on the embedded broker, then on a real Kafka."""
    broker = request.getfixturevalue(request.param)
    session_s = 3.0 if request.param == "embedded_kafka" else SESSION_S
    return Rig(broker.bootstrap, session_s=session_s, folder=tmp_path)


@pytest.fixture(params=["memory", "rocksdb"])
def stored_rig(request: pytest.FixtureRequest, rig: Rig) -> Rig:
    """The same, its workers' states in memory, then on disk."""
    return replace(rig, store=request.param)
