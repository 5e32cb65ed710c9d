"""What can go wrong in running the product: one base, messages that say what to do."""

import sys
from collections.abc import Callable
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


def telling(run: Callable[[], int | None]) -> int:
    """Runs a program; an error of our own kinds is told on stderr, and its status is 1.

    Its text says what to do, a traceback would hide it. Any other error is a fault of ours: it is raised.
    """
    try:
        return run() or 0
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in _OURS:
            raise
        sys.stderr.write(f"leadheat: {error}\n")
        return 1
