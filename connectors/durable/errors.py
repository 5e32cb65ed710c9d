"""What can go wrong with rows that a role must not forget."""


class DurableError(Exception):
    """Rows can't be read or written."""


class NotOursError(DurableError):
    """The partition was given to somebody else meanwhile, who does what is left to do."""


class OvertakenError(DurableError):
    """Somebody else writes to a partition of ours: what we know may be old, so we must not act on it."""
