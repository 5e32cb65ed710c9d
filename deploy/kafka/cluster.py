"""Starts, kills, freezes and restarts the nodes of a real Kafka (KRaft, combined roles) on local ports."""

import contextlib
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from aiokafka.admin import AIOKafkaAdminClient

from deploy import leash
from deploy.kafka import jars
from deploy.kafka.properties import Door, Place, render
from deploy.ports import free_ports

_START_WITHIN_S: Final = 120.0  # some 5 s here; a busy machine with three nodes takes many times that
_STOP_WITHIN_S: Final = 30.0
_ASK_EVERY_S: Final = 0.2
_JVM: Final = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")
"""What makes a short-lived broker cheap: one collector thread, no second compiler."""


@dataclass
class Node:
    """One Kafka process, broker and controller in one, and where it keeps its files."""

    place: Place
    folder: Path
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def number(self) -> int:
        """Its id in the cluster."""
        return self.place.number

    @property
    def port(self) -> int:
        """Where clients reach it."""
        return self.place.port

    @property
    def address(self) -> str:
        """Where clients reach it, with the host."""
        return f"127.0.0.1:{self.place.port}"

    @property
    def log(self) -> Path:
        """What the process wrote."""
        return self.folder / "server.log"

    @property
    def runs(self) -> bool:
        """Whether its process is there, frozen or not."""
        return self.process is not None and self.process.poll() is None


class Cluster:
    """A Kafka of one or three nodes, in a temporary folder that goes when it stops.

    With three, records are kept three times and acknowledged by two. `doors`: listeners beside the usual one,
    each of which is advertised at other ports, where a proxy stands in front of it.
    """

    def __init__(
        self, nodes: int = 1, doors: int = 0, heap_mb: int = 512, settings: dict[str, str] | None = None
    ) -> None:
        """`settings`: of the brokers, over our own."""
        self._folder = Path(tempfile.mkdtemp(prefix="leadheat-kafka-"))
        self._heap = f"-Xmx{heap_mb}m"
        self._settings = settings or {}
        self.nodes = [Node(place, self._folder / str(place.number)) for place in _places(nodes, doors)]
        self._id = urlsafe_b64encode(secrets.token_bytes(16)).rstrip(b"=").decode()

    @property
    def bootstrap(self) -> str:
        """The addresses of all nodes, as clients want them."""
        return ",".join(node.address for node in self.nodes)

    @property
    def replicas(self) -> int:
        """Copies of each record."""
        return min(3, len(self.nodes))

    def door(self, number: int) -> list[Door]:
        """A listener of each node for whoever comes through a proxy."""
        return [node.place.doors[number] for node in self.nodes]

    def through(self, number: int) -> str:
        """The bootstrap addresses for whoever comes through that proxy."""
        return ",".join(f"127.0.0.1:{door.advertised}" for door in self.door(number))

    def __enter__(self) -> Self:
        try:
            self._format()
            for node in self.nodes:
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
        while time.monotonic() < deadline and node.runs:
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

    def shut_down(self, nodes: Iterable[Node]) -> None:
        """Ends nodes in order; where no quorum is left they can't, and are killed after a while."""
        asked = [node for node in nodes if node.process is not None]
        for node in asked:
            assert node.process is not None
            node.process.terminate()
        for node in asked:
            assert node.process is not None
            try:
                node.process.wait(_STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                self.kill(node)
            node.process = None

    def restart(self, nodes: Iterable[Node]) -> None:
        """Starts nodes that are not running, together, and waits until they serve."""
        started = list(nodes)
        for node in started:
            self.launch(node)
        for node in started:
            self.wait(node)

    def pause(self, node: Node) -> None:
        """Freezes a node: its connections stay open and nothing answers."""
        assert node.process is not None
        node.process.send_signal(signal.SIGSTOP)

    def resume(self, node: Node) -> None:
        """Lets a frozen node go on."""
        assert node.process is not None
        node.process.send_signal(signal.SIGCONT)

    async def leader(self, topic: str, partition: int) -> Node | None:
        """The node that leads a partition now; None while it has no leader."""
        described = await self._describe(topic)
        found = {one["partition"]: one["leader"] for one in described}
        return next((node for node in self.nodes if node.number == found.get(partition)), None)

    async def in_sync(self, topic: str) -> int:
        """The least number of copies in sync that a partition of a topic has."""
        return min((len(one["isr"]) for one in await self._describe(topic)), default=0)

    async def _describe(self, topic: str) -> list[dict[str, Any]]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            (described,) = await admin.describe_topics([topic])
            partitions: list[dict[str, Any]] = described["partitions"]
            return partitions
        finally:
            await admin.close()

    def stop(self) -> None:
        """Ends all nodes at once, and removes their files: there is nothing to save."""
        for node in self.nodes:
            self.kill(node)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _java(self, main: str, *arguments: str) -> list[str]:
        return ["java", self._heap, *_JVM, "-cp", f"{jars.fetch()}/*", main, *arguments]

    def _format(self) -> None:
        """Formats the first node's folder; the others get a copy with a number of their own."""
        places = [node.place for node in self.nodes]
        for node in self.nodes:
            node.folder.mkdir(parents=True)
            properties = render(node.place, places, node.folder / "data", self._settings)
            (node.folder / "server.properties").write_text(properties)
        first = self.nodes[0].folder
        command = self._java("kafka.tools.StorageTool", "format", f"--cluster-id={self._id}")
        command += ["-c", str(first / "server.properties")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode != 0:
            raise jars.KafkaMissingError(
                f"Kafka's folder could not be formatted:\n{done.stdout}{done.stderr}"
            )
        for node in self.nodes[1:]:
            shutil.copytree(first / "data", node.folder / "data")
            _renumber(node.folder / "data" / "meta.properties", node.number)


def _places(nodes: int, doors: int) -> list[Place]:
    ports = iter(free_ports(nodes * (2 + 2 * doors)))  # all at once, so that all differ
    return [
        Place(number, next(ports), next(ports), tuple(Door(next(ports), next(ports)) for _ in range(doors)))
        for number in range(1, nodes + 1)
    ]


def _renumber(meta: Path, number: int) -> None:
    """Makes the folder's description that of another node; each folder has an id of its own as well."""
    own = {"node.id": str(number), "directory.id": urlsafe_b64encode(secrets.token_bytes(16)).decode()[:22]}
    lines = [line.split("=", 1) for line in meta.read_text().splitlines() if "=" in line]
    meta.write_text("".join(f"{name}={own.get(name, value)}\n" for name, value in lines))
