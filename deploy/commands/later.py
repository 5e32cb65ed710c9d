"""`leadheat sync`, `erase` and `export`: named in the contract, not in this release."""

from typing import Annotated, NoReturn

import typer

from deploy.errors import DeployError

_Lead = Annotated[str, typer.Argument(metavar="LEAD", help="Any identity of the person.")]


class NotInThisReleaseError(DeployError):
    """A command whose name is kept for a later issue."""


def sync() -> None:
    """Write scores to CRMs (comes with a later issue)."""
    _refuse("sync")


def erase(lead: _Lead) -> None:
    """Forget a person everywhere (comes with a later issue)."""
    _refuse("erase")


def export(lead: _Lead) -> None:
    """Show everything held on a person (comes with a later issue)."""
    _refuse("export")


def _refuse(name: str) -> NoReturn:
    raise NotInThisReleaseError(f"`leadheat {name}` comes with a later issue; nothing was done")
