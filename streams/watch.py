"""Ends a worker that no longer moves: a supervisor's restart is the cure."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, Final

from faust.types import TP

from streams import metrics
from streams.errors import StalledError

_log = logging.getLogger(__name__)

STALLED_AFTER_S: Final = 60.0
"""Without a commit while records wait, or without an answer of the broker."""

SETTLED_WITHIN_S: Final = 90.0
"""Joining the group, while Kafka gives other workers 60 s to do so, and taking partitions up."""

_LOOK_EVERY_S: Final = 1.0
_ASK_EVERY_S: Final = 10.0


class Progress:
    """Watches that what waits gets committed, and keeps the metrics of lag."""

    def __init__(
        self, app: Any, topics: dict[str, str], holds: Callable[[], bool], recovered: Callable[[], int]
    ) -> None:
        """`topics`: full to short names of those read; `holds`: whether the group counts us in;
        `recovered`: how many records recovery has read."""
        self._app = app
        self._topics = topics
        self._holds = holds
        self._recovered = recovered
        self._moved: dict[int, tuple[object, float]] = {}  # what is committed, and since when
        self._ends: dict[TP, int] = {}
        self._answered = time.monotonic()
        self._doing = "starting", 0, self._answered  # what was recovered, since when

    @property
    def doing(self) -> str:
        """What the worker does: "scoring", or what keeps it from that."""
        return self._doing[0]

    async def run(self) -> None:
        """Looks until cancelled; raises StalledError."""
        asked = time.monotonic()
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            sources = [tp for tp in self._app.consumer.assignment() if tp.topic in self._topics]
            self._require_settling(sources)
            if time.monotonic() - asked >= _ASK_EVERY_S:
                await self._ask(sources)
                asked = time.monotonic()
            self._look(sources)

    def _require_settling(self, sources: list[TP]) -> None:
        """Joining the group and recovering end, or move."""
        app, now = self._app, time.monotonic()
        if not self._holds():
            doing = "waiting for the group's coordinator"
        elif app.in_recovery:
            doing = "recovering"
        elif app.rebalancing:
            doing = "rebalancing"
        elif any(app.consumer.expected(tp) is None for tp in sources):
            doing = "looking up committed offsets"
        else:
            doing = "scoring"
        recovered = self._recovered()
        before, had, since = self._doing
        if doing == "scoring" or before == "scoring" or (doing == "recovering" and recovered != had):
            since = now
        self._doing = (doing, recovered, since)
        if now - since > SETTLED_WITHIN_S:
            raise StalledError(f"{doing} for {SETTLED_WITHIN_S:.0f} s, and nothing moved")

    async def _ask(self, sources: list[TP]) -> None:
        """Asks the broker itself: a fetcher that died quietly would show no lag for ever."""
        try:
            async with asyncio.timeout(_ASK_EVERY_S):
                self._ends = await self._app.consumer.highwaters(*sources) if sources else {}
        except Exception as error:
            _log.warning("Kafka did not say where its topics end: %r", error)
            if time.monotonic() - self._answered > STALLED_AFTER_S:
                raise StalledError(f"Kafka has not answered for {STALLED_AFTER_S:.0f} s") from error
        else:
            self._answered = time.monotonic()

    def _look(self, sources: list[TP]) -> None:
        now, consumer = time.monotonic(), self._app.consumer
        behind: defaultdict[int, int] = defaultdict(int)
        recovered = self._recovered() if self._app.in_recovery else 0  # copies of others' states are none
        seen: defaultdict[int, list[object]] = defaultdict(lambda: [recovered])
        for tp in sorted(sources):
            lag = consumer.behind(tp, max(self._ends.get(tp, 0), consumer.end(tp) or 0))
            metrics.LAG.labels(self._topics[tp.topic], str(tp.partition)).set(lag)
            behind[tp.partition] += lag
            seen[tp.partition].append(consumer.committed(tp))
        moved: dict[int, tuple[object, float]] = {}
        for partition, state in seen.items():
            known, since = self._moved.get(partition, (state, now))
            moved[partition] = (state, now if known != state or not behind[partition] else since)
        self._moved = moved
        self._require_movement(now, behind)

    def _require_movement(self, now: float, behind: Mapping[int, int]) -> None:
        """By partition number, not by topic: a topic may wait for the older records of another for long."""
        ages = {partition: now - since for partition, (_, since) in self._moved.items()}
        metrics.COMMIT_AGE.set(max(ages.values(), default=0.0))
        for partition, age in ages.items():
            if age > STALLED_AFTER_S:
                raise StalledError(
                    f"{behind[partition]} records wait on partitions {partition}, and none was committed "
                    f"for {STALLED_AFTER_S:.0f} s"
                )
