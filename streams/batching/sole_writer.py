"""Checks that nobody else writes the states of the partitions that this worker owns.

What the broker appends for their only writer continues what it appended before. Where it does not, another
worker wrote in between: one that lost the partition without knowing, say.
"""

from streams.errors import StalledError


class SoleWriter:
    """Follows where each partition of one topic ends."""

    def __init__(self, topic: str, ends: dict[int, int]) -> None:
        """`ends`: as recovery has read them; kept up to date. Where there is none, the first write tells."""
        self.topic = topic
        self._ends = ends
        self._twice: dict[int, int] = {}  # records sent again, which may be there twice

    def sent_again(self, partition: int, records: int) -> None:
        """Records were sent that may be there already: their acknowledgement did not come."""
        self._twice[partition] = self._twice.get(partition, 0) + records

    def acknowledged(self, partition: int, first: int, records: int) -> None:
        """Records of ours were appended from an offset on; StalledError where others came between."""
        end = self._ends.get(partition, first)
        between = first - end
        repeats = self._twice.get(partition, 0)
        if between > repeats or between < 0:
            raise StalledError(
                f"another worker writes to {self.topic}-{partition}: it ended at offset {end}, and what this "
                f"worker wrote next came to {first}"
            )
        if between:
            self._twice[partition] = repeats - between
        self._ends[partition] = first + records
