"""Shows how far the demonstration has come: a bar on a terminal, else a line from time to time."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from scorer.times import Micros, format_time

_log = logging.getLogger(__name__)

_LINES: Final = 6  # one a week of the six


class Shown(Protocol):
    """Takes how many events are sent, and the moment of the last."""

    def __call__(self, sent: int, moment: Micros) -> None: ...


@contextmanager
def shown(total: int) -> Iterator[Shown]:
    """Shows the sending of so many events."""
    if not sys.stderr.isatty():
        yield _lines(total)
        return
    columns = (TextColumn("Playing sample leads"), BarColumn(), TextColumn("{task.fields[day]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=total, day="")
        yield lambda sent, moment: progress.update(task, completed=sent, day=_day(moment))


def _lines(total: int) -> Shown:
    told = 0

    def tell(sent: int, moment: Micros) -> None:
        nonlocal told
        part = sent * _LINES // total
        if part > told:
            told = part
            _log.info("%s: %s of %s sample events sent", _day(moment), f"{sent:,}", f"{total:,}")

    return tell


def _day(moment: Micros) -> str:
    return format_time(moment)[:10]
