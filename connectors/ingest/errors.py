"""What the gateway refuses: requests, and configurations it will not start with."""

from http import HTTPStatus
from typing import Final


class IngestError(Exception):
    """Base of every error that the gateway raises on purpose."""


class ConfigError(IngestError):
    """A setting or a mapping file that is wrong; the text says where, and what would be right."""


class BrokerAwayError(IngestError):
    """The broker did not acknowledge in time: the fate of the events is unknown, send them again."""

    retriable = True


class BusyError(BrokerAwayError):
    """More is waiting for the broker than may: nothing of it was sent."""


class RecordTooLargeError(IngestError):
    """A record that is larger than the broker takes; sending it again is of no use."""

    retriable = False


_REASONS: Final = {
    400: "malformed",
    401: "unknown_key",
    403: "wrong_key",
    404: "not_found",
    405: "method",
    408: "slow",
    413: "too_large",
    415: "encoding",
    429: "key_too_fast",
    503: "broker_away",
}
"""What is counted where a refusal gives no reason of its own."""


class RefusedError(IngestError):
    """A request that is answered with an error status.

    `reason` is one of a few words, for the metric; `challenge` the scheme that a 401 asks for.
    """

    def __init__(
        self,
        status: int,
        message: str,
        retry_after_s: int | None = None,
        reason: str | None = None,
        challenge: str = "Bearer",
    ) -> None:
        super().__init__(message)
        self.status = HTTPStatus(status)
        self.message = message
        self.retry_after_s = retry_after_s
        self.reason = reason or _REASONS.get(status, "other")
        self.challenge = challenge
