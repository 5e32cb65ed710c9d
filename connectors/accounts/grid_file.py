"""The grid as accounts are kept by it: read from its file, and read again when that changes."""

import logging
from pathlib import Path
from typing import Final

from scorer.errors import GridError
from scorer.grid import load_grid
from scorer.plan import Plan

_log: Final = logging.getLogger(__name__)


class GridFile:
    """A grid's file."""

    def __init__(self, path: Path) -> None:
        """Raises GridError where the grid is wrong or can't be read."""
        self._path = path
        self._seen = self._signature()
        self.plan = Plan(load_grid(path))

    def changed(self) -> bool:
        """Whether another right grid is there, which `plan` then is."""
        signature = self._signature()
        if signature is None or signature == self._seen:
            return False
        self._seen = signature
        try:
            self.plan = Plan(load_grid(self._path))
        except GridError as error:
            _log.error("the changed grid is refused, the one before stays in force:\n%s", error)
            return False
        return True

    def _signature(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino
