"""`leadheat score`: scores files of events, or prints the tier changes in them."""

import contextlib
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from deploy import settings
from deploy.commands import grids
from deploy.errors import DeployError
from deploy.progress import shown
from scorer.times import Micros, parse_time


class EventsRefusedError(DeployError):
    """A file of events that cannot be read."""


def score(
    events: Annotated[
        list[Path], typer.Argument(metavar="EVENTS.jsonl", help="Files of events, one a line.")
    ],
    grid: Annotated[
        Path | None, typer.Option(metavar="G.yml", help="The grid [the one that comes along].")
    ] = None,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="The moment to score at, RFC 3339 [now].")
    ] = None,
    transitions: Annotated[
        bool,
        typer.Option("--transitions", help="Print instead the tier changes up to --at, in order of time."),
    ] = False,
    as_arrived: Annotated[
        bool, typer.Option("--as-arrived", help="Walk the lines in their order, with what each line knew.")
    ] = False,
) -> None:
    """Score files of events.

    Prints one score record a line, highest first. The same code as the stream: the same log, the same scores.
    """
    moment = _moment(at)
    read = grids.read(settings.load(grid=grid).grid)

    from scorer import files
    from scorer.errors import FileError
    from scorer.plan import Plan

    plan = Plan(read)
    try:
        lines = shown(files.read_lines(events), events)
        found = (files.transitions if transitions else files.score_lines)(lines, plan, moment, as_arrived)
    except FileError as error:
        raise EventsRefusedError(str(error)) from None
    _write(found)


def _moment(text: str | None) -> Micros:
    if text is None:
        return settings.wall_clock()
    try:
        return parse_time(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--at") from None


def _write(records: Iterable[dict[str, Any]]) -> None:
    from scorer.files import json_line

    try:
        for record in records:
            sys.stdout.buffer.write(json_line(record).encode() + b"\n")  # UTF-8, whatever the locale
        sys.stdout.flush()
    except BrokenPipeError:
        raise  # `| head` has seen enough: typer ends in silence
    except OSError as error:
        with contextlib.suppress(OSError):  # or Python tries once more at its end, and complains
            sys.stdout.close()
        raise DeployError(f"cannot write the result: {error.strerror}") from None
