"""Tells how far the recovery of the states is: in the log every few seconds, and as a metric."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any, Final

from streams import metrics

_log = logging.getLogger(__name__)

_LOOK_EVERY_S: Final = 0.5
_TELL_EVERY_S: Final = 5.0


class Recovering:
    """Watches Faust's recovery. It counts offsets: of a compacted changelog there are fewer records."""

    def __init__(self, recovery: Any, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._recovery = recovery
        self._monotonic = monotonic
        self._began: float | None = None
        self._total = 0
        self._told = 0.0

    async def run(self) -> None:
        """Looks until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(_LOOK_EVERY_S)

    def look(self) -> None:
        """Sets the metric, and writes a line when it is time for one."""
        left = {}
        if self._recovery.in_recovery:
            remaining = self._recovery.active_remaining().items()
            left = {tp.partition: records for tp, records in remaining if records > 0}
        records = sum(left.values())
        metrics.RECOVERY_REMAINING.set(records)
        now = self._monotonic()
        if not records:
            self._began = None
        elif self._began is None or records > self._total:
            self._began, self._told, self._total = now, now, records
            _log.info("recovering partitions %s: %s records to read", sorted(left), f"{records:,}")
        elif now - self._told >= _TELL_EVERY_S:
            self._told = now
            self._tell(sorted(left), records, now - self._began)

    def _tell(self, partitions: list[int], records: int, elapsed_s: float) -> None:
        rate = (self._total - records) / elapsed_s
        left = f"about {records / rate:,.0f} s left" if rate else "none yet"
        _log.info(
            "recovering partitions %s: %s of %s records read, %s a second, %s",
            partitions,
            f"{self._total - records:,}",
            f"{self._total:,}",
            f"{rate:,.0f}",
            left,
        )
