"""Keeps child processes running: starts them in order, restarts those that die, stops them all."""

import asyncio
import signal
from collections.abc import Callable
from typing import Final

from deploy.child import Child, Running
from deploy.errors import ChildError, DeployError

_ASK_EVERY_S: Final = 0.05
_SAY_EVERY_S: Final = 10.0  # that a child is still starting: whoever waits wants to know
_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0
_STEADY_AFTER_S: Final = 60.0  # a child that lived this long starts again after the shortest pause


class Supervisor:
    """Runs children, each on the ones started before it."""

    def __init__(
        self,
        data: Callable[[str], None],
        say: Callable[[str], None],
        ended: Callable[[int], None] = lambda pid: None,
    ) -> None:
        """`data` and `say` take lines for stdout and stderr, `ended` the id of a process that is gone."""
        self._data = data
        self._say = say
        self._ended = ended
        self._running: dict[str, Running] = {}  # in order of first start
        self._pauses: dict[str, float] = {}
        self._watches: set[asyncio.Task[None]] = set()
        self._changing = asyncio.Lock()
        self._stopping = False

    async def start(self, child: Child) -> None:
        """Starts a child and returns when it is ready; raises ChildError where it never is."""
        running = await self._launch(child)
        if not await self._becomes_ready(running):
            alive = running.alive
            await running.stop()
            status = "did not answer" if alive else f"ended with {_status(await running.ended())}"
            told = [f"{child.name} {status} before it was ready", *running.tail, child.explain()]
            raise ChildError("\n".join(filter(None, told)))

    def pid(self, name: str) -> int | None:
        """The id of a child's process, if it runs."""
        running = self._running.get(name)
        return running.process.pid if running is not None and running.alive else None

    async def stop(self) -> None:
        """Stops all children: those that others live on, last."""
        self._stopping = True
        for watch in self._watches:
            watch.cancel()
        await asyncio.gather(*self._watches, return_exceptions=True)
        foundations = [one for one in self._running.values() if _foundation(one)]
        rest = [one for one in self._running.values() if not _foundation(one)]
        for group in (rest, foundations):
            await asyncio.gather(*(one.stop() for one in group))

    def kill(self) -> None:
        """Ends all children at once; a `stop` that waits for them returns."""
        for one in self._running.values():
            one.kill()

    async def _launch(self, child: Child) -> Running:
        running = await Running.start(child, self._data, self._say)
        self._running[child.name] = running
        watch = asyncio.create_task(self._watch(running))
        self._watches.add(watch)
        watch.add_done_callback(self._watches.discard)
        return running

    async def _becomes_ready(self, running: Running) -> bool:
        child, told_s = running.child, _SAY_EVERY_S
        if child.ready is not None:
            while not await child.ready():
                if not running.alive or running.age_s > child.ready_within_s:
                    return False
                if running.age_s > told_s:
                    self._say(f"{child.name} is still starting, after {told_s:g} s")
                    told_s += _SAY_EVERY_S
                await asyncio.sleep(_ASK_EVERY_S)
        if child.restore is not None:
            await child.restore()
        running.settled = running.alive
        return running.settled

    async def _watch(self, running: Running) -> None:
        status = await running.ended()
        self._ended(running.process.pid)
        child = running.child
        if not running.settled or running.expected_to_end or (child.once and status == 0):
            return
        pause = self._next_pause(running)
        self._say(f"{child.name} ended with {_status(status)}; it starts again in {pause:g} s")
        for line in filter(None, (child.loss, child.explain())):
            self._say(line)
        if child.quiet and child.log is None:
            for line in running.tail:
                self._say(f"{child.name} | {line}")
        await asyncio.sleep(pause)
        async with self._changing:
            if self._running.get(child.name) is running:
                await self._start_again(child)

    async def _start_again(self, child: Child) -> None:
        fed = [one for one in self._running.values() if one.child.name in child.feeds]
        await asyncio.gather(*(one.stop() for one in fed))
        names = []
        for one in (child, *(running.child for running in fed)):
            await self._until_ready(one)
            names.append(one.name)
        self._say(f"{', '.join(names)}: running again")

    async def _until_ready(self, child: Child) -> None:
        while True:
            running, why = await self._launch(child), "did not come up"
            try:
                if await self._becomes_ready(running):
                    return
            except DeployError as error:  # what had to be done for it failed
                why = f"did not come up: {error}"
            await running.stop()
            pause = self._next_pause(running)
            self._say(f"{child.name} {why}; it starts again in {pause:g} s")
            if reason := child.explain():
                self._say(reason)
            await asyncio.sleep(pause)

    def _next_pause(self, running: Running) -> float:
        steady = running.age_s > _STEADY_AFTER_S
        pause = _FIRST_PAUSE_S if steady else self._pauses.get(running.child.name, _FIRST_PAUSE_S)
        self._pauses[running.child.name] = min(2 * pause, _LONGEST_PAUSE_S)
        return pause


def _foundation(running: Running) -> bool:
    return bool(running.child.feeds) or running.child.outlasts


def _status(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
