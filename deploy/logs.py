"""Sends log lines to stderr, short; of libraries only what is wrong, and the like of it once in a while."""

import logging
import sys
import time
from collections.abc import Callable
from typing import Final

from deploy.settings import Settings

_OURS: Final = frozenset({"scorer", "streams", "connectors", "deploy"})
_REQUESTS: Final = "connectors.observe"  # a line for each that fails: with Kafka away, for all of them
_EVERY_S: Final = 10.0  # often enough to see that it lasts
_KINDS: Final = 1_000  # a library that makes up new texts all the time must not fill the memory


class Repeats(logging.Filter):
    """Lets a line of a library or of a failed request through, then holds back the like of it, and counts.

    Kafka's client tells some fifty times a second that a broker is away: nothing else would be seen.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._held: dict[tuple[object, ...], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written."""
        if record.name.partition(".")[0] in _OURS and record.name != _REQUESTS:
            return True
        kind, now = _kind(record), self._clock()
        until, count = self._held.get(kind, (now, 0))
        if now < until:
            self._held[kind] = (until, count + 1)
            return False
        if len(self._held) >= _KINDS:
            self._held.clear()
        self._held[kind] = (now + _EVERY_S, 0)
        if count:
            record.msg, record.args = f"{record.getMessage()} (and {count} more like it)", ()
        return True


def _kind(record: logging.LogRecord) -> tuple[object, ...]:
    if record.name == _REQUESTS and isinstance(record.args, tuple):
        return record.name, *record.args[:-1]  # method, route and status, not the time that it took
    return record.name, str(record.msg)


def configure(settings: Settings) -> None:
    """Sets up logging for a process; ours at the chosen level, others from WARNING on."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s", force=True
    )
    for handler in logging.getLogger().handlers:
        handler.addFilter(Repeats())
    for name in _OURS:
        logging.getLogger(name).setLevel(settings.log_level)
