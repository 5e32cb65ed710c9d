"""`leadheat check`: says whether a grid is right."""

from pathlib import Path
from typing import Annotated

import typer

from deploy.commands import grids


def check(grid: Annotated[Path, typer.Argument(metavar="G.yml", help="The grid to check.")]) -> None:
    """Say whether a grid is right.

    Every error is a line on stderr: FILE:LINE: FIELD: what is wrong and what would be right.
    """
    found = grids.read(grid)
    typer.echo(f"{grid}: {found.name}, version {found.version}, is right")
