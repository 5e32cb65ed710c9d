"""Reads the grid that a command was given, and tells all that is wrong with it."""

from pathlib import Path

import typer

from scorer.errors import GridError
from scorer.grid import Grid, load_grid


def read(path: Path) -> Grid:
    """The grid in a file; otherwise ends the command with status 1, a line an error on stderr."""
    try:
        return load_grid(path)
    except GridError as error:
        for problem in error.problems:
            typer.echo(str(problem), err=True)
        raise typer.Exit(1) from None
