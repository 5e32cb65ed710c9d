"""`leadheat sync`: named in the contract, not in this release."""

from typing import NoReturn

from deploy.errors import DeployError


class NotInThisReleaseError(DeployError):
    """A command whose name is kept for a later issue."""


def sync() -> None:
    """Write scores to CRMs (comes with a later issue)."""
    _refuse("sync")


def _refuse(name: str) -> NoReturn:
    raise NotInThisReleaseError(f"`leadheat {name}` comes with a later issue; nothing was done")
