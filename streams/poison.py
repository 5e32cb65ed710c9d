"""Takes out of a portion the records that scoring fails on, so that one does not stop all the others."""

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from scorer.messages import DeadLetter, Record
from streams.errors import StreamError, trace_of
from streams.shards import Shard

_log = logging.getLogger(__name__)

MOST: Final = 100
"""More failures in one portion are no matter of single records: the worker ends and leaves them alone."""


def receive(
    shard: Shard, records: Sequence[Record], start_over: Callable[[], Shard]
) -> tuple[Shard, list[DeadLetter], int]:
    """Lets a shard take records; the shard to go on with, what must go to the failed topic, how many it took.

    A failure is a mistake in the program and leaves the shard half changed: `start_over` gives one as it was
    before the portion, which then takes all but the record that failed.
    """
    bad: dict[int, DeadLetter] = {}
    while True:
        at = 0

        def good() -> Iterator[Record]:
            nonlocal at
            for at, record in enumerate(records):
                if at not in bad:
                    yield record

        try:
            shard.receive(good())
        except StreamError:
            raise  # no matter of the record: the store failed, say
        except Exception as error:
            if len(bad) >= MOST:
                raise
            record = records[at]
            where = f"{record.topic}-{record.partition} at offset {record.offset}"
            _log.error("scoring failed on the record of %s, which goes to failed: %s", where, trace_of(error))
            text = "scoring failed on it, a mistake in the program; the worker's log has the details"
            bad[at] = DeadLetter(record, type(error).__name__, text)
            shard = start_over()
        else:
            return shard, list(bad.values()), at + 1 if shard.full else len(records)
