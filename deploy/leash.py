"""Runs a program so that it cannot outlive the process that started it, even one that is killed outright.

`python -m deploy.leash PARENT_PID PROGRAM ARGUMENTS…`: on Linux the kernel is told to kill the program when
its parent dies, and this process becomes the program. Elsewhere this process stays, and watches the parent.
"""

import ctypes
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Final, NoReturn

_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h
_LOOK_EVERY_S: Final = 0.5  # how long a program may outlive its parent where the kernel does not help


def command(program: Sequence[str]) -> list[str]:
    """The command that runs a program on a leash held by this process.

    Start it from the main thread: the kernel counts the end of the starting thread as the parent's.
    """
    return [sys.executable, "-m", "deploy.leash", str(os.getpid()), *program]


def by_kernel(parent: int, program: Sequence[str]) -> NoReturn:
    """Becomes the program, which Linux kills when the parent dies."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) was refused")
    if os.getppid() != parent:  # it died before the kernel was told
        sys.exit(1)
    os.execvp(program[0], list(program))  # noqa: S606 (the program is ours)


def by_watching(parent: int, program: Sequence[str]) -> int:
    """Starts the program, passes signals on to it, and kills it once the parent is gone."""
    child = subprocess.Popen(list(program))  # noqa: S603 (the program is ours)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: child.send_signal(received))
    while child.poll() is None:
        if os.getppid() != parent:
            child.kill()
        time.sleep(_LOOK_EVERY_S)
    return child.wait()


def main(arguments: Sequence[str]) -> int:
    """Runs the program named after the parent's id."""
    parent, program = int(arguments[0]), arguments[1:]
    if platform.system() == "Linux":  # not sys.platform, by which mypy would skip the rest
        by_kernel(parent, program)
    return by_watching(parent, program)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
