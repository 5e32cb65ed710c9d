"""What every member must know of all partitions: addresses without mail, rows that wait for a new lead."""

from typing import Any, Final

import msgspec

from connectors.durable.follower import Follower
from connectors.nurture.permission import address_of
from connectors.nurture.row import SUPPRESSED, Row, read
from scorer.blocks import Hasher
from scorer.topics import NURTURING, full_name

_OF_MAIL: Final = "mail:"
"""Before an address that is hashed, which is then no id's hash."""


class Suppression(msgspec.Struct):
    """A row of an address that gets no mail any more: it outlives the lead's erasure."""

    why: str
    at: int


class Suppressed:
    """Follows `leadheat.nurturing`."""

    def __init__(self, kafka: str, topic_prefix: str, key: bytes) -> None:
        self._hasher = Hasher(key)
        self._hashes: set[str] = set()
        self.merged: dict[str, Row] = {}
        """Rows of ids that are part of other leads now, which are still to take them over."""
        self.adopted: set[str] = set()
        """Ids whose rows were taken over."""
        self._follower = Follower(kafka, full_name(topic_prefix, NURTURING), "leadheat-nurture", self._note)

    async def start(self) -> None:
        """Reads all that is there, then follows."""
        await self._follower.start()

    async def stop(self) -> None:
        """Hangs up."""
        await self._follower.stop()

    def hash_of(self, address: str) -> str:
        """The hash by which an address is known."""
        return self._hasher.hash(_OF_MAIL + address.lower()).hex()

    def add(self, hashed: str) -> None:
        """An address gets no mail any more: known here at once."""
        self._hashes.add(hashed)

    def blocks(self, row: Row) -> bool:
        """Whether the lead's address gets none; raises what ended the following, if anything did."""
        self._follower.check()
        address = address_of(row.facts.traits)
        return address is not None and self.hash_of(address) in self._hashes

    def _note(self, record: Any) -> None:
        key = (record.key or b"").decode(errors="replace")
        if key.startswith(SUPPRESSED):
            change = self._hashes.add if record.value is not None else self._hashes.discard
            change(key.removeprefix(SUPPRESSED))
        elif record.value is None:
            self.merged.pop(key, None)
        elif b'"merged":' in record.value or b'"adopted":' in record.value:
            row = read(record.value)
            self.adopted.update(row.adopted)
            if row.merged and key not in self.adopted:
                self.merged[key] = row
            for one in row.adopted:
                self.merged.pop(one, None)
        else:
            self.merged.pop(key, None)
