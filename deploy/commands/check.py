"""`leadheat check`: says whether a grid is right, or a file of sequences, and whether they go together."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from deploy.commands import grids
from scorer.grid import Grid
from scorer.yaml_file import YamlFile

if TYPE_CHECKING:
    from connectors.nurture.plan import Plan

_NURTURING: Final = "nurturing"
"""The field that a file of sequences begins with."""


def check(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="A grid, a file of sequences, or one of each.")
    ],
) -> None:
    """Say whether a grid is right, or a file of sequences.

    Of both also whether they go together.
    Every error is a line on stderr: FILE:LINE: FIELD: what is wrong and what would be right.
    """
    found: list[tuple[Path, Grid]] = []
    plans: list[tuple[Path, Plan]] = []
    failed = False
    for file in files:
        try:
            if _is_plan(file):
                plans.append((file, _plan(file)))
            else:
                found.append((file, grids.read(file)))
        except typer.Exit:
            failed = True
    for grid_file, grid in found:
        for plan_file, plan in plans:
            for problem in _apart(grid, plan):
                typer.echo(f"{grid_file}: with {plan_file}: {problem}", err=True)
                failed = True
    if failed:
        raise typer.Exit(1)
    for file, grid in found:
        typer.echo(f"{file}: {grid.name}, version {grid.version}, is right")
    for file, plan in plans:
        told = f"{len(plan.sequences)} sequences, {len(plan.surveys)} surveys, {len(plan.mails)} mails"
        typer.echo(f"{file}: {plan.name}, {told}, is right")


def _is_plan(file: Path) -> bool:
    try:
        data = YamlFile(file.read_text(encoding="utf-8"), str(file)).data
    except (OSError, UnicodeDecodeError):
        return False  # the grid's reader says so
    return isinstance(data, dict) and _NURTURING in data


def _plan(file: Path) -> "Plan":
    from connectors.nurture.errors import PlanError
    from connectors.nurture.plan_reader import load_plan

    try:
        return load_plan(file)
    except PlanError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


def _apart(grid: Grid, plan: "Plan") -> Iterator[str]:
    """What the plays name that the other file doesn't have."""
    from connectors.nurture.happenings import actions_of

    for play in grid.plays:
        for how, name in actions_of([dict(action) for action in play.do]):
            there = plan.surveys if how == "survey" else plan.sequences
            if name not in there and (how, name) != ("stop", "all"):
                kind = "survey" if how == "survey" else "sequence"
                yield f"the play {play.id} names the {kind} {name}, which is not there"
    tiers = {tier.id for tier in grid.tiers}
    for sequence in plan.sequences.values():
        for tier in sorted(sequence.exit_tiers - tiers):
            yield f"the sequence {sequence.id} ends at the tier {tier}, which the grid lacks"
