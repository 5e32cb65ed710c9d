"""The grid file: read, checked, refused with everything that is wrong in it."""

from pathlib import Path

from scorer.errors import GridError, Problem
from scorer.grid_model import Criterion, Dimension, Grid, Play, Repeat, Tier
from scorer.grid_reader import GridReader

__all__ = ["Criterion", "Dimension", "Grid", "Play", "Repeat", "Tier", "load_grid", "parse_grid"]


def load_grid(path: Path | str) -> Grid:
    """Reads a grid file; raises GridError with everything that is wrong in it."""
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise GridError([Problem(str(path), 1, "file", f"can't be read: {error.strerror}")]) from None
    except UnicodeDecodeError as error:
        raise GridError([Problem(str(path), 1, "file", f"no UTF-8 text: {error.reason}")]) from None
    return parse_grid(text, str(path))


def parse_grid(text: str, file: str = "grid") -> Grid:
    """Reads a grid; raises GridError with everything that is wrong in it."""
    return GridReader(text, file).read()
