"""What ends a worker: one base, messages that say what is wrong, where, and what to do."""

import traceback


class StreamError(Exception):
    """A failure that a worker does not survive; its supervisor starts it again, and nothing is lost."""


class StartError(StreamError):
    """The worker refuses to start as things stand."""


class WriteError(StreamError):
    """The broker did not acknowledge what a batch decided, so the batch is not acknowledged either."""


class StoreError(StreamError):
    """The states can't be read, or kept, where they are."""


class StalledError(StreamError):
    """The worker no longer moves, or may no longer own what it works on."""


def trace_of(error: BaseException) -> str:
    """The kind of a mistake in the program and the lines that led to it, without its text.

    That may quote a person's data, which has no place in a log.
    """
    return f"{type(error).__name__}\n{''.join(traceback.format_tb(error.__traceback__))}".rstrip()
