"""A durable Kafka of one node on a small machine: its settings, format and command."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy import leash
from deploy.flush import flush, flush_tree
from deploy.kafka.jars import KafkaMissingError

HOST: Final = "127.0.0.1"  # it asks nobody for a key, so only this machine may reach it
PARTITIONS: Final = 4
"""Unless the setting says otherwise: each costs flushes of the disk, and so many workers can share them."""
_HEAP: Final = "512m"  # some hundred partitions need half of it; the rest of the memory is the page cache's
_MEGABYTE: Final = 1 << 20
_FOR_GOOD_MIN: Final = 2**31 - 1  # the largest that Kafka takes: 4,083 years
_FORMAT_WITHIN_S: Final = 120  # it takes two seconds

_DURABLE: Final = {
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "offsets.topic.num.partitions": 3,
    "offsets.topic.replication.factor": 1,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "group.initial.rebalance.delay.ms": 0,  # one worker: there is nobody to wait for
    # There is one copy: what is acknowledged must be on the disk, not in memory that a power cut empties.
    # It also keeps the order of what is written: no offset outlives the state that it stands for.
    "log.flush.interval.messages": 1,
    # A machine that was off for weeks must not read, and tell, everything from the beginning.
    "offsets.retention.minutes": _FOR_GOOD_MIN,
    # Kafka never compacts the segment being written, a gigabyte of each partition by default.
    "log.segment.bytes": 64 * _MEGABYTE,
    "offsets.topic.segment.bytes": 16 * _MEGABYTE,
    "log.cleaner.dedupe.buffer.size": 32 * _MEGABYTE,  # of the heap; 128 MB by default
}


@dataclass(frozen=True)
class Node:
    """A Kafka in a folder: broker and controller in one process, with one copy of everything."""

    java: str
    jars: Path
    folder: Path
    cluster: str
    port: int

    @property
    def controller_port(self) -> int:
        """Where the process reaches itself."""
        return controller_port(self.port)

    @property
    def log(self) -> Path:
        """What the process writes about itself."""
        return self.folder / "server.log"

    @property
    def formatted(self) -> bool:
        """Whether the folder holds a Kafka's data."""
        return self._data.is_dir()

    def format(self) -> None:
        """Makes the folder a new Kafka's; either all of it happens or nothing."""
        partial = self.folder / "data.partial"
        shutil.rmtree(partial, ignore_errors=True)
        properties = self._write("format.properties", partial)
        command = self._command(
            "kafka.tools.StorageTool", "format", f"--cluster-id={self.cluster}", "-c", str(properties)
        )
        try:
            done = subprocess.run(  # noqa: S603
                leash.command(command),  # one that outlived us would write under the next start's feet
                capture_output=True,
                text=True,
                timeout=_FORMAT_WITHIN_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise KafkaMissingError(
                f"Kafka's folder was not formatted within {_FORMAT_WITHIN_S} s"
            ) from error
        if done.returncode != 0:
            raise KafkaMissingError(
                f"Kafka's folder could not be formatted:\n{(done.stdout + done.stderr)[-2000:]}"
            )
        properties.unlink()
        flush_tree(partial)  # Kafka's own tool does not: a power cut soon after left it unable to start
        partial.rename(self._data)
        flush(self.folder)

    def command(self) -> list[str]:
        """The command that runs it, on settings written now."""
        return self._command("kafka.Kafka", str(self._write("server.properties", self._data)))

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _write(self, name: str, data: Path) -> Path:
        place = {
            "listeners": f"PLAINTEXT://{HOST}:{self.port},CONTROLLER://{HOST}:{self.controller_port}",
            "advertised.listeners": f"PLAINTEXT://{HOST}:{self.port}",
            "controller.quorum.voters": f"1@{HOST}:{self.controller_port}",
            "log.dirs": escaped(str(data)),
        }
        path = self.folder / name
        path.write_text("".join(f"{key}={value}\n" for key, value in (_DURABLE | place).items()), "ascii")
        return path

    def _command(self, main: str, *arguments: str) -> list[str]:
        return [
            self.java,
            f"-Xmx{_HEAP}",
            "-XX:+ExitOnOutOfMemoryError",  # half a Kafka is worse than one that starts again
            "-Djava.awt.headless=true",
            "-Dorg.slf4j.simpleLogger.showDateTime=true",
            "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS",
            *("-cp", f"{self.jars}/*", main),
            *arguments,
        ]


def controller_port(port: int) -> int:
    """The port that a node keeps for itself, beside the one for clients.

    >>> controller_port(9092), controller_port(65535)
    (9093, 65534)
    """
    return port + 1 if port < 65535 else port - 1


def escaped(text: str) -> str:
    r"""A value as a Java properties file, which knows Latin-1 only, must spell it.

    >>> print(escaped("/srv/données"))
    /srv/donn\u00e9es
    """
    units = text.replace("\\", "\\\\").encode("utf-16-be", "surrogatepass")
    codes = (int.from_bytes(units[at : at + 2]) for at in range(0, len(units), 2))
    return "".join(chr(code) if code < 128 else f"\\u{code:04x}" for code in codes)
