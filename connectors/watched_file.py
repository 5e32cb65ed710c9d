"""A file that people write: read, and again once somebody has written to it; a wrong one is not taken."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from prometheus_client import Counter

from connectors.hang_up import end
from connectors.role import rest
from scorer.errors import GridError

RELOADS: Final = Counter(
    "leadheat_file_reloads_total",
    "Files that were changed while a role was at work, by what they hold and result: taken, refused.",
    ["file", "result"],
)
Read = TypeVar("Read")
_log: Final = logging.getLogger(__name__)


class WatchedFile(Generic[Read]):
    """A file, and what a role makes of it."""

    def __init__(
        self,
        path: Path,
        make: Callable[[Path], Read],
        what: str = "grid",
        wrong: type[Exception] = GridError,
    ) -> None:
        """`make` raises `wrong`, whose text says all, where the file is wrong or can't be read."""
        self._path = path
        self._make = make
        self._what = what
        self._wrong = wrong
        self._seen: tuple[int, int, int] | None = None
        self.version = 0
        """How often it was read, and was right."""

    def read(self) -> Read:
        """What the file says now; what `make` raises."""
        self._seen = self._signature()
        self._said = self._make(self._path)
        self.version += 1
        return self._said

    def changed(self) -> Read | None:
        """The same if the file changed since it was read last, and is right."""
        signature = self._signature()
        if signature == self._seen or signature is None:  # gone: somebody is putting a new one in its place
            return None
        try:
            said = self.read()
        except self._wrong as error:
            RELOADS.labels(self._what, "refused").inc()
            _log.error(
                "the changed %s file is refused, the one before stays in force:\n%s", self._what, error
            )
            return None
        RELOADS.labels(self._what, "taken").inc()
        _log.info("the changed %s file is in force", self._what)
        return said

    @property
    def said(self) -> Read:
        """What it said when it was right last; it was read before."""
        return self._said

    def _signature(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


@asynccontextmanager
async def until_changed(
    files: Sequence[WatchedFile[Any]], stop: asyncio.Event
) -> AsyncIterator[asyncio.Event]:
    """An event that is set with `stop`, or once one of the files says something new: begin anew then."""
    ended = asyncio.Event()
    watching = asyncio.create_task(_watch(files, [file.version for file in files], stop, ended))
    try:
        yield ended
    finally:
        await end(watching)


async def _watch(
    files: Sequence[WatchedFile[Any]], known: list[int], stop: asyncio.Event, ended: asyncio.Event
) -> None:
    while not stop.is_set():
        for file in files:
            file.changed()
        if [file.version for file in files] != known:
            break
        await rest(stop)
    ended.set()
