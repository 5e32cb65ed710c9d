"""Starts, kills and restarts the nodes of a real Kafka (KRaft, combined roles) on free local ports."""

import contextlib
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from deploy import leash
from deploy.kafka import jars
from deploy.ports import free_ports

_START_WITHIN_S: Final = 90.0  # some 5 s here; a busy machine with three nodes takes several times that
_HEAP: Final = "-Xmx512m"  # Kafka's own default of 1 GB a node is more than tests need


@dataclass
class Node:
    """One Kafka process, broker and controller in one, and where it keeps its files."""

    number: int
    port: int
    controller_port: int
    folder: Path
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def address(self) -> str:
        """Where clients reach this node."""
        return f"127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """What the process wrote."""
        return self.folder / "server.log"


class Cluster:
    """A Kafka of some nodes, in a temporary folder that goes when it stops."""

    def __init__(self, nodes: int = 1) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="leadheat-kafka-"))
        ports = free_ports(2 * nodes)
        self.nodes = [
            Node(number + 1, ports[2 * number], ports[2 * number + 1], self._folder / str(number + 1))
            for number in range(nodes)
        ]
        self._id = urlsafe_b64encode(secrets.token_bytes(16)).rstrip(b"=").decode()

    @property
    def bootstrap(self) -> str:
        """The addresses of all nodes, as clients want them."""
        return ",".join(node.address for node in self.nodes)

    def __enter__(self) -> Self:
        try:
            for node in self.nodes:
                self._format(node)
                self.launch(node)
            for node in self.nodes:
                self.wait(node)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def launch(self, node: Node) -> None:
        """Starts a node on what its folder holds; `wait` tells when it serves."""
        with node.log.open("ab") as log:
            node.process = subprocess.Popen(  # noqa: S603
                leash.command(self._java("kafka.Kafka", str(node.folder / "server.properties"))),
                stdout=log,
                stderr=log,
            )

    def wait(self, node: Node) -> None:
        """Returns when a node accepts clients; raises, with the end of its log, where it does not."""
        deadline = time.monotonic() + _START_WITHIN_S
        while time.monotonic() < deadline and node.process is not None and node.process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", node.port), timeout=1):
                return
            time.sleep(0.1)
        end = node.log.read_text(errors="replace")[-2000:]
        raise jars.KafkaMissingError(f"Kafka node {node.number} did not start; the end of its log:\n{end}")

    def kill(self, node: Node) -> None:
        """Ends a node at once, as a lost machine would."""
        if node.process is not None:
            node.process.kill()
            node.process.wait()
            node.process = None

    def stop(self) -> None:
        """Ends all nodes at once, and removes their files: there is nothing to save."""
        for node in self.nodes:
            self.kill(node)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _java(self, main: str, *arguments: str) -> list[str]:
        return ["java", _HEAP, "-cp", f"{jars.fetch()}/*", main, *arguments]

    def _format(self, node: Node) -> None:
        node.folder.mkdir(parents=True)
        properties = node.folder / "server.properties"
        properties.write_text(self._properties(node))
        command = self._java("kafka.tools.StorageTool", "format", "-t", self._id, "-c", str(properties))
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode != 0:
            raise jars.KafkaMissingError(
                f"Kafka's folder could not be formatted:\n{done.stdout}{done.stderr}"
            )

    def _properties(self, node: Node) -> str:
        voters = ",".join(f"{one.number}@127.0.0.1:{one.controller_port}" for one in self.nodes)
        replicas = min(3, len(self.nodes))
        settings = {
            "process.roles": "broker,controller",
            "node.id": node.number,
            "controller.quorum.voters": voters,
            "listeners": f"PLAINTEXT://{node.address},CONTROLLER://127.0.0.1:{node.controller_port}",
            "advertised.listeners": f"PLAINTEXT://{node.address}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": node.folder / "data",
            "auto.create.topics.enable": "false",  # a missing topic is a mistake that tests should see
            "offsets.topic.num.partitions": 3,
            "offsets.topic.replication.factor": replicas,
            "transaction.state.log.replication.factor": replicas,
            "transaction.state.log.min.isr": max(1, replicas - 1),
            "min.insync.replicas": max(1, replicas - 1),
            "group.initial.rebalance.delay.ms": 0,  # the 3 s default only slows tests
        }
        return "".join(f"{name}={value}\n" for name, value in settings.items())
