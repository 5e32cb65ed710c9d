"""What can go wrong in nurturing."""


class NurtureError(Exception):
    """Base of what nurturing raises on purpose."""


class PlanError(NurtureError):
    """A file of sequences that is wrong: all its problems, a line each."""


class LetterError(NurtureError):
    """A mail that can't be written for this lead; the text says why, and nothing of the lead."""
