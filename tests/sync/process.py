"""`leadheat sync` as a process that tests start, kill and stop."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy import leash
from tests.environment import with_settings
from tests.streaming import Rig


@dataclass
class SyncProcess:
    """One sync file's, one life after the other."""

    rig: Rig
    text: str
    """The sync file."""
    secrets: Mapping[str, str]
    """What it names of the environment."""
    settings: Mapping[str, str] = field(default_factory=dict)
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def log(self) -> Path:
        """What all its lives wrote."""
        return self.rig.folder / "sync.log"

    def start(self, dies_at: int | None = None) -> None:
        """Begins a life, which may have its end in it: just before or after a step (see `dying`)."""
        file = self.rig.folder / "sync.yml"
        file.write_text(self.text)
        settings = {
            "LEADHEAT_KAFKA": self.rig.bootstrap,
            "LEADHEAT_TOPIC_PREFIX": self.rig.prefix,
            "LEADHEAT_PARTITIONS": str(self.rig.partitions),
            "LEADHEAT_SESSION_TIMEOUT_S": str(self.rig.session_s),
            "LEADHEAT_SYNC": str(file),
            "LEADHEAT_ALLOW_PRIVATE": "127.0.0.1",
        }
        program = ["deploy.cli", "sync"] if dies_at is None else ["tests.sync.dying", "sync", str(dies_at)]
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(
                leash.command([sys.executable, "-m", *program]),
                env=with_settings({**settings, **self.settings, **self.secrets}),
                stdout=out,
                stderr=out,
            )

    def running(self) -> bool:
        """Whether it is in a life, and that has not ended by itself."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """Ends its life as kill -9 does; nothing where there is none."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    async def died(self) -> None:
        """Returns once its life has come to the end that was in it."""
        assert self._process is not None
        status = await asyncio.to_thread(self._process.wait, 120)
        assert status == -signal.SIGKILL, self.log.read_text()[-3000:]
        self._process = None

    async def stop(self) -> int:
        """Ends its life in order; its exit status."""
        assert self._process is not None
        self._process.terminate()
        status = await asyncio.to_thread(self._process.wait, 30)
        self._process = None
        return status
