"""Shows on a terminal how far the reading of large files has come."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, TypeVar

from rich.console import Console
from rich.progress import track

_Line = TypeVar("_Line")

_WORTH_SHOWING_BYTES: Final = 5_000_000  # what is smaller is read before a bar can be looked at
_CHUNK_BYTES: Final = 1 << 20


def shown(lines: Iterable[_Line], files: Sequence[Path]) -> Iterator[_Line]:
    """The same lines; on a terminal, for large files, with a bar on stderr."""
    size = sum(path.stat().st_size for path in files if path.is_file())
    if size < _WORTH_SHOWING_BYTES or not sys.stderr.isatty():
        return iter(lines)
    console = Console(stderr=True)
    return iter(track(lines, "Reading events", total=_count(files), console=console, transient=True))


def _count(files: Sequence[Path]) -> int:
    total = 0
    for path in files:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                total += chunk.count(b"\n")
    return total
