"""Takes out of a portion the records that scoring fails on, so that one does not stop all the others."""

import logging
from collections.abc import Callable, Sequence
from typing import Final

from scorer.errors import RecordError
from scorer.messages import DeadLetter, Record
from streams.errors import trace_of
from streams.shards import Shard

_log = logging.getLogger(__name__)

MOST: Final = 100
"""More failures in one portion are no matter of single records: the worker ends and leaves them alone."""


def receive(
    shard: Shard, records: Sequence[Record], start_over: Callable[[], Shard]
) -> tuple[Shard, list[DeadLetter]]:
    """Lets a shard take records; the shard to go on with, and what must go to the failed topic.

    A failure is a mistake in the program and leaves the shard half changed: `start_over` gives one as it was
    before the portion, which then takes all but the record that failed.
    """
    bad: dict[int, DeadLetter] = {}
    while True:
        try:
            shard.receive(record for record in records if id(record) not in bad)
        except RecordError as error:
            if len(bad) >= MOST:
                raise
            trace = trace_of(error.__cause__ or error)
            _log.error("scoring failed on the record of %s, which goes to failed: %s", error, trace)
            text = "scoring failed on it, a mistake in the program; the worker's log has the details"
            name = type(error.__cause__ or error).__name__
            bad[id(error.record)] = DeadLetter(error.record, name, text)
            shard = start_over()
        else:
            return shard, list(bad.values())
