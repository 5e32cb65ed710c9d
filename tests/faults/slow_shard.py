"""The product's shard with a criterion that computes for long on some records."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from functools import partial
from typing import Any, Final

from scorer.messages import Record
from scorer.plan import Plan
from scorer.shard import Shard

SLOW: Final = b"takes-long"
"""In the bytes of a record that takes long."""

_log = logging.getLogger("streams.slow")


class SlowShard(Shard):
    """Scores as the product does, once it has thought about it."""

    def __init__(
        self,
        plan: Plan,
        store: MutableMapping[bytes, bytes],
        partition: int,
        partitions: int,
        remembered_ids: int = 64,
        *,
        slow_s: float,
    ) -> None:
        super().__init__(plan, store, partition, partitions, remembered_ids)
        self._slow_s = slow_s

    @classmethod
    def computing_for(cls, seconds: float) -> Callable[..., Any]:
        """Makes shards that compute so long."""
        return partial(cls, slow_s=seconds)

    def receive(self, records: Iterable[Record]) -> None:
        super().receive(self._thought_about(records))

    def _thought_about(self, records: Iterable[Record]) -> Iterator[Record]:
        for record in records:
            if record.value is not None and SLOW in record.value:
                _log.info("begins to compute on offset %d of %s", record.offset, record.topic)
                until = time.process_time() + self._slow_s
                while time.process_time() < until:  # not a sleep: a criterion that computes, computes
                    pass
                _log.info("has computed on offset %d of %s", record.offset, record.topic)
            yield record
