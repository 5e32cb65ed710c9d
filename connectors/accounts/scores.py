"""Reads all partitions of the score records, from their beginning on, merged by time.

Every keeper of accounts reads all of them, since the leads of an account are in any; it keeps those of its
own accounts. Up to a floor, below which nothing is left to be decided, the order does not matter.
"""

from collections import deque
from collections.abc import Mapping
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from connectors.hang_up import hang_up
from scorer.brokers import connection

_FETCH_MS: Final = 100
_MOST_RECORDS: Final = 2_000
_MOST_WAITING: Final = 8_000
"""Records of a partition that wait for others; of one that has as many no more are asked for."""
_STOP_WITHIN_S: Final = 5.0


class Scores:
    """A reader without a group."""

    def __init__(self, kafka: str, topic: str) -> None:
        self._topic = topic
        self._consumer = AIOKafkaConsumer(
            **connection(kafka),
            client_id="leadheat-accounts",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=_FETCH_MS,
        )
        self._waiting: dict[TopicPartition, deque[Any]] = {}
        self._floor: Mapping[int, int] = {}
        self._ends: dict[TopicPartition, int] = {}
        self._at_end: set[TopicPartition] = set()
        self.reached: dict[int, int] = {}
        """By partition, the offset after the last record that was given."""
        self.caught_up = False
        """Whether all that the broker is known to hold has been read."""

    async def start(self) -> None:
        """Connects; KafkaError where nobody answers."""
        await self._consumer.start()

    async def stop(self) -> None:
        """Hangs up."""
        await hang_up(self._consumer.stop(), _STOP_WITHIN_S)

    async def begin(self, floor: Mapping[int, int]) -> None:
        """Goes to the beginning of all partitions."""
        cluster = await self._consumer._client.fetch_all_metadata()
        numbers = cluster.partitions_for_topic(self._topic) or ()
        places = [TopicPartition(self._topic, number) for number in sorted(numbers)]
        self._consumer.assign(places)
        for place in places:
            self._consumer.seek(place, 0)  # where that is gone, from the first that is there
        self._floor = floor
        self._waiting = {place: deque() for place in places}
        self._ends, self._at_end, self.reached = {}, set(), {}
        self.caught_up = False

    @property
    def complete(self) -> bool:
        """Whether all that was there at the beginning has been read."""
        return len(self._ends) == len(self._waiting) > 0 and all(
            self.reached.get(place.partition, 0) >= end
            or (place in self._at_end and not self._waiting[place])
            for place, end in self._ends.items()
        )

    async def read(self) -> list[Any]:
        """Some records, or none."""
        asked = [place for place, held in self._waiting.items() if len(held) < _MOST_WAITING]
        fetched = await self._consumer.getmany(*asked, timeout_ms=_FETCH_MS, max_records=_MOST_RECORDS)
        for place, records in fetched.items():
            self._waiting[place].extend(records)
        await self._look()
        found = self._below_the_floor() or self._merged()
        for record in found:
            self.reached[record.partition] = record.offset + 1
        self.caught_up = len(self._at_end) == len(self._waiting) and not any(self._waiting.values())
        return found

    async def _look(self) -> None:
        self._at_end = set()
        for place in self._waiting:
            end = self._consumer.highwater(place)  # the embedded broker's ListOffsets is wrong about ends
            if end is not None:
                self._ends.setdefault(place, end)
                if await self._consumer.position(place) >= end:
                    self._at_end.add(place)

    def _below_the_floor(self) -> list[Any]:
        found = []
        for place, held in self._waiting.items():
            floor = self._floor.get(place.partition, 0)
            while held and held[0].offset < floor:
                found.append(held.popleft())
        return found

    def _merged(self) -> list[Any]:
        """Those before which no partition may still bring an older one."""
        found: list[Any] = []
        while len(found) < _MOST_RECORDS:
            if any(not held and place not in self._at_end for place, held in self._waiting.items()):
                break
            heads = [
                (held[0].timestamp, place.partition, held) for place, held in self._waiting.items() if held
            ]
            if not heads:
                break
            found.append(min(heads, key=lambda head: head[:2])[2].popleft())
        return found
