"""The settings of one node of a real Kafka for tests."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Door:
    """A listener that clients reach through a proxy: where the node listens, and what it tells clients."""

    port: int
    advertised: int


@dataclass(frozen=True)
class Place:
    """A node's number and its ports."""

    number: int
    port: int
    controller_port: int
    doors: tuple[Door, ...] = ()


def render(place: Place, all_places: Sequence[Place], data: Path, more: dict[str, str]) -> str:
    """The text of `server.properties`; `more` goes over our own settings."""
    replicas = min(3, len(all_places))
    listeners = {"PLAINTEXT": place.port, "CONTROLLER": place.controller_port}
    advertised = {"PLAINTEXT": place.port}
    for number, door in enumerate(place.doors):
        listeners[f"DOOR{number}"] = door.port
        advertised[f"DOOR{number}"] = door.advertised
    settings = {
        "process.roles": "broker,controller",
        "node.id": place.number,
        "controller.quorum.voters": ",".join(
            f"{one.number}@127.0.0.1:{one.controller_port}" for one in all_places
        ),
        "listeners": _addresses(listeners),
        "advertised.listeners": _addresses(advertised),
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": ",".join(f"{name}:PLAINTEXT" for name in listeners),
        "log.dirs": data,
        "auto.create.topics.enable": "false",  # a missing topic is a mistake that tests should see
        "offsets.topic.num.partitions": 3,
        "offsets.topic.replication.factor": replicas,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": max(1, replicas - 1),
        "min.insync.replicas": max(1, replicas - 1),
        "group.initial.rebalance.delay.ms": 0,  # the 3 s default only slows tests
        **more,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def _addresses(ports: dict[str, int]) -> str:
    return ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items())
