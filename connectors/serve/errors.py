"""What the read API refuses, and what interrupts the cache."""

from http import HTTPStatus


class ServeError(Exception):
    """Base of every error that the read API raises on purpose."""


class ConfigError(ServeError):
    """A setting that is wrong; the text says what would be right."""


class DisplacedError(ServeError):
    """The cache is not as this process left it: emptied, restarted, or filled by another process."""

    retriable = True


class LogResetError(ServeError):
    """A topic no longer holds what the cache was built from: the cache must be built anew."""

    retriable = True


class Refusal(ServeError):
    """A request that is answered with an error status."""

    def __init__(self, status: int, message: str, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.status = HTTPStatus(status)
        self.message = message
        self.retry_after_s = retry_after_s


def rebuilding(why: str) -> Refusal:
    """What is asked for is on its way: never a false zero."""
    return Refusal(503, why, retry_after_s=1)
