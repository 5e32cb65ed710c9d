"""Runs LeadHeat's roles for a measurement, each a process of its own, as in production."""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import httpx

from deploy import leash
from tests.benchmarks.engines import ROOT
from tests.environment import with_settings

_READY_WITHIN_S: Final = 60.0
_END_WITHIN_S: Final = 20.0


@contextlib.contextmanager
def running(folder: Path, settings: Mapping[str, str], *roles: Sequence[str]) -> Iterator[None]:
    """Each role, a command with its arguments, until the end of the block; what they say goes to `folder`.

    At the end all are told to stop, in the order in which they were started, and have ended.
    """
    with contextlib.ExitStack() as ends:
        for role in reversed(roles):
            log = ends.enter_context((folder / f"{role[0]}.log").open("wb"))
            process = subprocess.Popen(
                leash.command([sys.executable, "-m", "deploy.cli", *role]),
                cwd=ROOT,
                env=with_settings(settings),
                stdout=log,
                stderr=log,
            )
            ends.callback(process.wait, _END_WITHIN_S)
            ends.callback(process.terminate)
        yield


async def until_ready(port: int) -> None:
    """Returns once the role that listens there says that it is ready."""
    async with asyncio.timeout(_READY_WITHIN_S), httpx.AsyncClient(trust_env=False) as client:
        while True:
            with contextlib.suppress(httpx.TransportError):
                if (await client.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200:
                    return
            await asyncio.sleep(0.1)
