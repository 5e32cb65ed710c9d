"""The product's shard with a mistake in it: some records take long to compute on, or block for good, once."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

from scorer.messages import Record
from scorer.shard import Shard

SLOW: Final = b"takes-long"
"""In the bytes of a record that takes long."""
STUCK: Final = b"blocks-once"
"""In the bytes of a record on which the first worker to meet it blocks for good."""

_FOR_GOOD_S: Final = 3_600.0

_log = logging.getLogger("streams.slow")


class SlowShard(Shard):
    """Scores as the product does, once it has thought about it."""

    slow_s = 0.0
    stuck_once = Path()

    @classmethod
    def made(cls, slow_s: float, stuck_once: Path) -> Callable[..., Any]:
        """Makes shards that compute so long, and whose first to block leaves a file behind."""
        return partial(cls._make, slow_s, stuck_once)

    @classmethod
    def _make(cls, slow_s: float, stuck_once: Path, *told: Any, **named: Any) -> "SlowShard":
        shard = cls(*told, **named)
        shard.slow_s, shard.stuck_once = slow_s, stuck_once
        return shard

    def receive(self, records: Iterable[Record], *more: Any) -> Any:
        return super().receive(self._thought_about(records), *more)

    def _thought_about(self, records: Iterable[Record]) -> Iterator[Record]:
        for record in records:
            value = record.value or b""
            if SLOW in value:
                _log.info("begins to compute on offset %d of %s", record.offset, record.topic)
                until = time.process_time() + self.slow_s
                while time.process_time() < until:  # not a sleep: a criterion that computes, computes
                    pass
                _log.info("has computed on offset %d of %s", record.offset, record.topic)
            elif STUCK in value and not self.stuck_once.exists():
                self.stuck_once.touch()
                _log.info("blocks on offset %d of %s", record.offset, record.topic)
                time.sleep(_FOR_GOOD_S)
            yield record
