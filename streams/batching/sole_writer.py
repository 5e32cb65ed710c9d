"""Checks that nobody else writes the states of the partitions that this worker owns.

What the broker appends for their only writer continues what it appended before. Where it does not, another
worker wrote in between: one that lost the partition without knowing, say.
"""

import time
from collections.abc import Callable
from typing import Final

from streams.errors import StalledError

LATE_S: Final = 60.0
"""How long after a request was sent again its first sending may still be carried out."""


class SoleWriter:
    """Follows where each partition of one topic ends."""

    def __init__(
        self, topic: str, ends: dict[int, int], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """`ends`: as recovery has read them; kept up to date. Where there is none, the first write tells."""
        self.topic = topic
        self._ends = ends
        self._monotonic = monotonic
        self._twice: dict[int, tuple[int, float]] = {}  # records sent again, may be there twice until then

    def sent_again(self, partition: int, records: int) -> None:
        """Records were sent that may be there already: their acknowledgement did not come."""
        self._twice[partition] = self._repeats(partition) + records, self._monotonic() + LATE_S

    def _repeats(self, partition: int) -> int:
        records, until = self._twice.get(partition, (0, 0.0))
        return records if self._monotonic() < until else 0

    def acknowledged(self, partition: int, first: int, records: int) -> None:
        """Records of ours were appended from an offset on; StalledError where others came between."""
        end = self._ends.get(partition, first)
        between = first - end
        repeats = self._repeats(partition)
        if between > repeats or between < 0:
            raise StalledError(
                f"another worker writes to {self.topic}-{partition}: it ended at offset {end}, and what this "
                f"worker wrote next came to {first}"
            )
        if between:
            self._twice[partition] = repeats - between, self._twice[partition][1]
        self._ends[partition] = first + records
