"""What ends a worker: one base, messages that say what is wrong, where, and what to do."""


class StreamError(Exception):
    """A failure that a worker does not survive; its supervisor starts it again, and nothing is lost."""


class StartError(StreamError):
    """The worker refuses to start as things stand."""


class WriteError(StreamError):
    """The broker did not acknowledge what a batch decided, so the batch is not acknowledged either."""


class StalledError(StreamError):
    """The worker no longer moves, or may no longer own what it works on."""
