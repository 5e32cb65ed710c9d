"""What keeps a request to somebody else's machine from being answered."""


class OutwardError(Exception):
    """No answer that counts; `retriable`: there may be one if it is asked again.

    Its text is shown to people and kept: it names no address, no path and nothing of an answer.
    """

    retriable = True


class NoAnswerError(OutwardError):
    """Nobody answered, or not to the end, or not in time."""


class AnswerTooLargeError(OutwardError):
    """The answer is longer than whoever asked wants to hear."""

    retriable = False


class InvalidAddressError(OutwardError):
    """What was given is no URL of a host."""

    retriable = False


class ForbiddenAddressError(OutwardError):
    """The host stands in a private network that nobody has allowed."""

    retriable = False

    def __init__(self) -> None:
        super().__init__(
            "its host is at a private address: if that is meant, name the host or its network in "
            "LEADHEAT_ALLOW_PRIVATE"
        )
