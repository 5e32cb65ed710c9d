"""What can go wrong between us and a CRM; each kind says what follows from it."""

from scorer.errors import Problem


class SyncError(Exception):
    """Base of what keeping CRMs in step raises on purpose."""


class SyncFileError(SyncError):
    """A sync file that is wrong, with all its problems at once, in order of their lines."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda one: (one.line, one.field)))
        super().__init__("\n".join(map(str, self.problems)))


class NotReadyError(SyncError):
    """What `--check` found: a CRM that doesn't let us in, or lacks fields."""


class CrmError(SyncError):
    """A call that didn't do what it should have done."""


class AwayError(CrmError):
    """Nobody answers, or with an error of their own: whether the call was carried out isn't known."""


class LockedOutError(CrmError):
    """The CRM doesn't let us in, or not there: people have to do something, until then nothing works."""


class ThrottledError(CrmError):
    """Too fast: nothing was done; `wait_s` is what the CRM asks for, None where it says nothing."""

    def __init__(self, message: str, wait_s: float | None = None) -> None:
        super().__init__(message)
        self.wait_s = wait_s


class BatchRefusedError(CrmError):
    """A whole batch was refused and none of it done, for what may be one record's fault."""


class CursorExpiredError(CrmError):
    """What was read last is too long ago: everything has to be read anew."""
