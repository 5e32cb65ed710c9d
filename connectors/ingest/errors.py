"""What the gateway refuses: requests, and configurations it will not start with."""

from http import HTTPStatus


class IngestError(Exception):
    """Base of every error that the gateway raises on purpose."""


class ConfigError(IngestError):
    """A setting or a mapping file that is wrong; the text says where, and what would be right."""


class BrokerAwayError(IngestError):
    """The broker did not acknowledge in time: the fate of the events is unknown, send them again."""

    retriable = True


class RecordTooLargeError(IngestError):
    """A record that is larger than the broker takes; sending it again is of no use."""

    retriable = False


class RefusedError(IngestError):
    """A request that is answered with an error status; `challenge` is the scheme that a 401 asks for."""

    def __init__(
        self, status: int, message: str, retry_after_s: int | None = None, challenge: str = "Bearer"
    ) -> None:
        super().__init__(message)
        self.status = HTTPStatus(status)
        self.message = message
        self.retry_after_s = retry_after_s
        self.challenge = challenge
