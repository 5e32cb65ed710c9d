"""Reads the grid, and reads it again when its file changes; a wrong one is told and not taken."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from pathlib import Path
from typing import Final

from prometheus_client import Gauge

from scorer.errors import GridError
from scorer.grid import load_grid
from scorer.plan import Plan
from streams import metrics
from streams.errors import StartError

_log = logging.getLogger(__name__)

_LOOK_EVERY_S: Final = 1.0


class GridFile:
    """The file that holds the grid in force."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = self._look()
        self._shown: Gauge | None = None

    def load(self) -> Plan:
        """The grid as it is; StartError with all that is wrong in it."""
        try:
            plan = Plan(load_grid(self._path))
        except GridError as error:
            raise StartError(f"the grid is wrong:\n{error}") from error
        self._in_force(plan)
        return plan

    async def watch(self, take: Callable[[Plan], Awaitable[None]]) -> None:
        """Gives every new right grid to `take`, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            stamp = self._look()
            if stamp is None or stamp == self._stamp:  # gone: somebody is putting a new one in its place
                continue
            self._stamp = stamp
            try:
                plan = Plan(load_grid(self._path))
            except GridError as error:
                for problem in error.problems:
                    _log.error("the changed grid is wrong, the old one stays in force: %s", problem)
                continue
            await take(plan)
            self._in_force(plan)

    def _look(self) -> tuple[int, int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino

    def _in_force(self, plan: Plan) -> None:
        _log.info("grid %s, version %s, is in force", plan.grid.name, plan.grid.version)
        if self._shown is not None:
            self._shown.set(0)  # a series can't be removed where several processes share their metrics
        self._shown = metrics.BUILD_INFO.labels(version("leadheat"), plan.grid.name, str(plan.grid.version))
        self._shown.set(1)
