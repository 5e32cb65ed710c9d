"""What came of an import: how many rows, events of which types, leads, and why rows were rejected."""

import hashlib
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

_MARK_BYTES: Final = 8
_QUOTED: Final = re.compile(r"'[^']*'")


@dataclass
class Tally:
    """Counts of one import."""

    rows: int = 0
    before: int = 0
    """Rows imported by an earlier run."""
    types: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    """Rows that were not taken, by their reasons without what the rows say."""
    _keys: set[bytes] = field(default_factory=set)

    def count(self, event_type: str, key: bytes) -> None:
        """An event that is taken."""
        self.types[event_type] += 1
        self._keys.add(hashlib.blake2b(key, digest_size=_MARK_BYTES).digest())

    def reject(self, reason: str) -> None:
        """A row that is not."""
        self.rejected[_QUOTED.sub("'…'", reason)] += 1

    @property
    def ids(self) -> int:
        """How many ids the events are of; people who became known have several."""
        return len(self._keys)
