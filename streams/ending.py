"""Ends the process here and now: after a failure nothing in doubt may still be written or committed."""

import logging
import os
import sys
from typing import NoReturn

from streams.errors import StreamError, trace_of

_log = logging.getLogger(__name__)


def die(error: BaseException) -> NoReturn:
    """Says why, and ends with status 1; a supervisor's restart is the cure. From any thread."""
    _log.critical("the worker ends: %s", error if isinstance(error, StreamError) else trace_of(error))
    leave(1)


def leave(status: int) -> NoReturn:
    """Ends the process without waiting for threads, which may hang where Kafka is away."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
