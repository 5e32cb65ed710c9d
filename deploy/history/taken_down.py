"""Which archives were imported, and how far: kept where their events are, in a topic of the broker's.

A file beside the archive would tell of any broker, also of one that has lost or never had the events.
"""

from typing import Final

import msgspec

from connectors.ingest.producer import Outgoing
from deploy.privacy.topic_log import read_all
from scorer.topics import IMPORTS, full_name


class Taken(msgspec.Struct, frozen=True):
    """How far an archive was imported; its key is the archive's digest."""

    file: str
    line: int
    """The last that the broker has, with all before it."""
    done: bool
    at: str


_decoder: Final = msgspec.json.Decoder(Taken)


async def taken(kafka: str, prefix: str) -> dict[str, Taken]:
    """All archives that were imported to a broker, by digest."""
    found = {}
    async for record in read_all(kafka, full_name(prefix, IMPORTS)):
        if record.key and record.value:
            found[record.key.decode()] = _decoder.decode(record.value)
    return found


def record(digest: str, told: Taken) -> Outgoing:
    """The record that takes down how far an archive is imported."""
    return Outgoing(IMPORTS, digest.encode(), msgspec.json.encode(told))
