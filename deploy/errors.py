"""What can go wrong in running the product: one base, messages that say what to do."""

from typing import Final

_OURS: Final = frozenset({"scorer", "streams", "connectors", "deploy"})


class DeployError(Exception):
    """A refusal or a failure, told in words for whoever typed the command."""


class SettingsError(DeployError):
    """A setting is missing or wrong."""


class PortInUseError(DeployError):
    """Something else listens where we should."""


class UnreachableError(DeployError):
    """A broker or store that was named does not answer."""


class ChildError(DeployError):
    """A child process did not come up."""


def is_ours(error: BaseException) -> bool:
    """Whether an error is of our own kinds: its text says what to do, and a traceback would only hide it."""
    return type(error).__module__.partition(".")[0] in _OURS
