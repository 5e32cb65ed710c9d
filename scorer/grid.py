"""The grid file: read, checked, refused with everything that is wrong in it."""

from pathlib import Path

from scorer.errors import GridError, Problem
from scorer.grid_model import Criterion, Dimension, Grid, Play, Repeat, Tier
from scorer.grid_reader import GridReader

__all__ = ["Criterion", "Dimension", "Grid", "Play", "Repeat", "Tier", "load_grid", "parse_grid"]


def load_grid(path: Path | str) -> Grid:
    """Reads a grid file; raises GridError with everything that is wrong in it."""
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise GridError([Problem(str(path), 1, "file", f"can't be read: {error.strerror}")]) from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        said = f"no UTF-8 text: {error.reason}: expected the file saved as UTF-8"
        raise GridError([Problem(str(path), line, "file", said)]) from None
    return parse_grid(text, str(path))


def parse_grid(text: str, file: str = "grid") -> Grid:
    """Reads a grid; raises GridError with everything that is wrong in it."""
    return GridReader(text, file).read()
