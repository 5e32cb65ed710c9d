"""What every member must know of all partitions: addresses without mail, rows that wait for a new lead."""

from collections import defaultdict
from typing import Any, Final

from connectors.durable.follower import Follower
from connectors.nurture.permission import address_of
from connectors.nurture.row import Row, read
from connectors.nurture.suppression import SUPPRESSED
from scorer.blocks import Hasher
from scorer.topics import NURTURING, full_name

_OF_MAIL: Final = "mail:"
"""Before an address that is hashed, which is then no id's hash."""


def hash_of_address(hasher: Hasher, address: str) -> str:
    """The hash by which an address is known."""
    return hasher.hash(_OF_MAIL + address.lower()).hex()


class Suppressed:
    """Follows `leadheat.nurturing`."""

    def __init__(self, kafka: str, topic_prefix: str, key: bytes) -> None:
        self._hasher = Hasher(key)
        self._partitions: dict[str, set[int]] = defaultdict(set)
        """Of each address's hash, the partitions with a row of it."""
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
        return hash_of_address(self._hasher, address)

    def mark_of(self, lead: str) -> str:
        """The hash by which a lead's erasure would be known."""
        return self._hasher.hash(lead).hex()

    def add(self, hashed: str, partition: int) -> None:
        """An address gets no mail any more: known here at once."""
        self._partitions[hashed].add(partition)

    def lift(self, hashed: str, partition: int) -> None:
        """An address may get mail again, if no other partition has a row of it."""
        self._partitions[hashed].discard(partition)

    def blocks(self, row: Row) -> bool:
        """Whether the lead's address gets none; raises what ended the following, if anything did."""
        self._follower.check()
        address = address_of(row.facts.traits)
        return address is not None and bool(self._partitions.get(self.hash_of(address)))

    def _note(self, record: Any) -> None:
        key = (record.key or b"").decode(errors="replace")
        if key.startswith(SUPPRESSED):
            change = self.lift if record.value is None else self.add
            change(key.removeprefix(SUPPRESSED), record.partition)
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
