"""`leadheat check`: says whether files that people write are right, and whether they go together."""

from itertools import permutations
from pathlib import Path
from typing import Annotated

import typer

from deploy.commands.files import WrongFileError, kind_of, read
from deploy.commands.together import apart


def check(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE…", help="Grids, files of sequences, of the team, of channels, of CRMs (sync)."
        ),
    ],
) -> None:
    """Say whether a grid is right, or a file of sequences, of the team, of channels, of CRMs.

    Which it is, its content says. Of several also whether they go together.
    Every error is a line on stderr: FILE:LINE: FIELD: what is wrong and what would be right.
    """
    kinds = {file: kind_of(file) for file in files}
    found, failed = {}, False
    for file, kind in kinds.items():
        try:
            found[file] = read(file, kind)
        except WrongFileError as error:
            typer.echo(str(error), err=True)
            failed = True
    for one, other in permutations(found, 2):
        for problem in apart(kinds[one], found[one][0], kinds[other], found[other][0]):
            typer.echo(f"{one}: with {other}: {problem}", err=True)
            failed = True
    if failed:
        raise typer.Exit(1)
    for file, (_, told) in found.items():
        typer.echo(f"{file}: {told}, is right")
