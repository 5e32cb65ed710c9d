"""Which ids were erased: follows `leadheat.erasures`, so that a role forgets their rows too."""

from typing import Any

import msgspec

from connectors.durable.follower import Follower
from scorer.blocks import Hasher
from scorer.erasure import Notice
from scorer.topics import ERASURES, full_name


class Erasures:
    """Hashes of the ids that were erased, and may not come again."""

    def __init__(self, kafka: str, topic_prefix: str, key: bytes) -> None:
        self.told = 0
        """How many notices were read: more of them, and rows are to be looked through."""
        self._hasher = Hasher(key)
        self._gone: set[bytes] = set()
        self._follower = Follower(kafka, full_name(topic_prefix, ERASURES), "leadheat-erasures", self._note)

    async def start(self) -> None:
        """Reads all that is there, then follows. KafkaError: nobody answers; BlocksError: a wrong key."""
        await self._follower.start()

    async def stop(self) -> None:
        """Hangs up."""
        await self._follower.stop()

    def gone(self, identity: str) -> bool:
        """Whether an id is erased; raises what ended the following, if anything did."""
        self._follower.check()
        return bool(self._gone) and self._hasher.hash(identity) in self._gone

    def _note(self, record: Any) -> None:
        hashed = bytes.fromhex((record.key or b"").decode())
        self._hasher.require_own(hashed)
        if msgspec.json.decode(record.value or b"", type=Notice).allowed is None:
            self._gone.add(hashed)
        else:
            self._gone.discard(hashed)
        self.told += 1
