"""Makes ready what `leadheat up --data` keeps: its folder, and a real Kafka in it."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deploy import disk
from deploy.data_folder import DataFolder, DataFolderError, open_folder
from deploy.kafka import jars, java
from deploy.kafka.jars import KafkaMissingError
from deploy.kafka.node import Node
from deploy.settings import Settings


@dataclass(frozen=True)
class Durable:
    """An open folder and the Kafka in it, not yet started."""

    folder: DataFolder
    node: Node


def prepare(path: Path, loaded: Settings, port: int, say: Callable[[str], None]) -> Durable:
    """Opens the folder, fetches and formats what is missing; says what takes time.

    Done before the event loop runs: until then a Ctrl-C ends the process, and everything here can be cut
    short and done again.
    """
    try:
        program = java.find(loaded.java_home())
    except KafkaMissingError as error:
        raise KafkaMissingError(f"{error}; without --data no Java is needed, and nothing is kept") from error
    folder = open_folder(path)
    if problem := disk.full(folder.path):
        raise DataFolderError(problem)
    node = Node(program, _jars(folder, loaded, say), folder.kafka, folder.cluster, port)
    if not node.formatted:
        say(f"making {folder.path} ready for a new Kafka")
        for old in folder.store.iterdir():  # a cache of what was in a Kafka that is no longer there
            old.unlink()
        node.format()
    return Durable(folder, node)


def _jars(folder: DataFolder, loaded: Settings, say: Callable[[str], None]) -> Path:
    if loaded.kafka_home is not None:
        return jars.of_distribution(loaded.kafka_home)
    place = jars.in_checkout() or folder.jars
    if not jars.fetched(place):
        shutil.rmtree(folder.jars, ignore_errors=True)  # those of another version
        say(f"fetching Kafka with Maven into {place}, some 45 MB; this is done once")
    return jars.fetch(place)
