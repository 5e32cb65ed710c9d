"""Processes that tests start, in an environment with nothing of LeadHeat's but what the test says."""

import contextlib
import os
import subprocess
from collections.abc import Iterator, Mapping

from deploy import leash


def with_settings(settings: Mapping[str, str]) -> dict[str, str]:
    """This process's environment, its `LEADHEAT_` variables replaced by those."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("LEADHEAT_")}
    return {**bare, **settings}


@contextlib.contextmanager
def running(command: list[str], settings: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process until the end of the block, which kills it; nobody hears what it says."""
    process = subprocess.Popen(
        leash.command(command),
        env=with_settings(settings),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
