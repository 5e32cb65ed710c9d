"""What notify refuses, and what keeps an alert from its channel."""

from scorer.errors import Problem


class NotifyError(Exception):
    """Base of every error that notify raises on purpose."""


class ChannelsError(NotifyError):
    """A channels file that is wrong, with all its problems at once, in order of their lines."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.line, problem.field)))
        super().__init__("\n".join(map(str, self.problems)))


class DeliveryError(NotifyError):
    """An alert did not reach its channel; `retriable`: it may if it is sent again.

    `gone`: nothing ever will at this address. The text is shown to people and kept in a topic: it names no
    address and no person.
    """

    def __init__(
        self, message: str, *, retriable: bool, retry_after_s: float | None = None, gone: bool = False
    ) -> None:
        super().__init__(message)
        self.retriable = retriable
        self.retry_after_s = retry_after_s
        self.gone = gone
