"""One child process: how to start it, what it wrote last, when it ended."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from deploy import leash
from deploy.log_file import LogFile

_TAIL_LINES: Final = 15  # enough to hold a traceback's end and the reason above it
_CHUNK_BYTES: Final = 65_536
_LAST_WORDS_S: Final = 1.0  # for output that is still in the pipes of an ended process


@dataclass(frozen=True)
class Child:
    """What to run, and what it means to the others."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(repr=False)  # holds keys
    ready: Callable[[], Awaitable[bool]] | None = None  # asked until true; None: ready once started
    feeds: tuple[str, ...] = ()  # children that live on what this one holds: they start anew when it does
    restore: Callable[[], Awaitable[None]] | None = None  # what must be done once it is ready, each time
    loss: str = ""  # what is lost when it dies, in words
    quiet: bool = False  # its output is shown only when it dies
    once: bool = False  # may end by itself, with status 0
    outlasts: bool = False  # stops after the others: they need it to end what they do
    log: Path | None = None  # where its output is kept, whether quiet or not
    holds: tuple[int, ...] = ()  # file descriptors that stay open until it has ended
    ready_within_s: float = 60.0  # what takes longer is reported as a failure, not waited for
    stop_within_s: float = 5.0  # after this it is killed
    explain: Callable[[], str] = str  # asked when it died: why it may have, in words


class Running:
    """A started child."""

    def __init__(self, child: Child, process: asyncio.subprocess.Process) -> None:
        self.child = child
        self.process = process
        self.settled = False  # once ready; before that, whoever starts it sees to its end
        self.expected_to_end = False
        self.tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._started = time.monotonic()
        self._pumps: list[asyncio.Task[None]] = []

    @classmethod
    async def start(cls, child: Child, data: Callable[[str], None], say: Callable[[str], None]) -> "Running":
        """Starts a child; lines of its stdout go to `data`, of its stderr to `say`."""
        process = await asyncio.create_subprocess_exec(
            *leash.command(child.command),
            env=child.environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            pass_fds=child.holds,
            start_new_session=True,  # a Ctrl-C in the terminal reaches the parent alone, which stops in order
        )
        running = cls(child, process)
        log = None if child.log is None else LogFile(child.log)

        def takes_out(line: str) -> None:
            if log is not None:
                log.write(line)
            (running.tail.append if child.quiet else data)(line)

        def takes_error(line: str) -> None:
            if log is not None:
                log.write(line)
            running.tail.append(line)
            if not child.quiet:
                say(f"{child.name} | {line}")

        for reader, take in ((process.stdout, takes_out), (process.stderr, takes_error)):
            if reader is not None:
                running._pumps.append(asyncio.create_task(_pump(reader, take)))
        return running

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process.returncode is None

    @property
    def age_s(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self._started

    async def ended(self) -> int:
        """Waits for the end of the process and of its output; the exit status, negative for a signal."""
        status = await self.process.wait()
        await asyncio.gather(*self._pumps)
        return status

    async def stop(self) -> None:
        """Ends the process, politely first."""
        self.expected_to_end = True
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                self.process.terminate()
        try:
            await asyncio.wait_for(self.process.wait(), self.child.stop_within_s)
        except TimeoutError:
            self.kill()
            await self.process.wait()
        if self._pumps:
            await asyncio.wait(self._pumps, timeout=_LAST_WORDS_S)

    def kill(self) -> None:
        """Ends the process at once."""
        self.expected_to_end = True
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()


async def _pump(reader: asyncio.StreamReader, take: Callable[[str], None]) -> None:
    rest = b""
    while chunk := await reader.read(_CHUNK_BYTES):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            take(line.decode(errors="replace"))
    if rest:
        take(rest.decode(errors="replace"))
