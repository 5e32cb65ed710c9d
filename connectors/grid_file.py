"""The grid's file: read, and read again once somebody has written to it; a wrong one is not taken."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, TypeVar

from scorer.errors import GridError

Read = TypeVar("Read")
_log: Final = logging.getLogger(__name__)


class GridFile(Generic[Read]):
    """A grid's file, and what a role makes of it."""

    def __init__(self, path: Path, make: Callable[[Path], Read]) -> None:
        """`make` raises GridError where the grid is wrong or can't be read."""
        self._path = path
        self._make = make
        self._seen: tuple[int, int, int] | None = None

    def read(self) -> Read:
        """What the file says now; what `make` raises."""
        self._seen = self._signature()
        return self._make(self._path)

    def changed(self) -> Read | None:
        """The same if the file changed since it was read last, and is right."""
        signature = self._signature()
        if signature == self._seen or signature is None:  # gone: somebody is putting a new one in its place
            return None
        try:
            return self.read()
        except GridError as error:
            _log.error("the changed grid is refused, the one before stays in force:\n%s", error)
            return None

    def _signature(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino
