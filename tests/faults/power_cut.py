"""Cuts the power of a disk under `leadheat up --data`, and counts what of the acknowledged is lost.

`python -m tests.faults.power_cut` as root, on Linux with loop devices: the folder lies on a file system
of its own, in a file that the system writes to directly. With everything stopped in the middle of its
work, that file is copied: it holds what a disk holds after a power cut. Everything is killed, the copy
takes the disk's place, and `up` starts on it. `--unflushed` leaves out Kafka's flushes, to see that
they are what it takes.
"""

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx

from tests.integration import up_running
from tests.integration.processes import until
from tests.integration.up_running import Up, running

_SENDERS: Final = 8
_SCORED_WITHIN_S: Final = 60.0
_KEYS: Final = {"LEADHEAT_WRITE_KEYS": "wk_cut", "LEADHEAT_READ_KEYS": "rk_cut"}
_UNFLUSHED: Final = (
    "from deploy.kafka import node; del node._DURABLE['log.flush.interval.messages']; "
    "from deploy.cli import main; main()"
)


def _run(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@contextlib.contextmanager
def _mounted(image: Path, at: Path) -> Iterator[None]:
    device = _run("losetup", "--find", "--show", "--direct-io=on", image)
    try:
        _run("mount", device, at)
        try:
            yield
        finally:
            until(lambda: subprocess.run(["umount", at], capture_output=True).returncode == 0)
    finally:
        _run("losetup", "--detach", device)


class _Senders:
    """Sends leads without end, and notes those that were answered 200."""

    def __init__(self, up: Up) -> None:
        self._url = up.url
        self._stop = threading.Event()
        self.acknowledged: list[str] = []
        self._threads = [threading.Thread(target=self._send, args=(one,)) for one in range(_SENDERS)]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _send(self, sender: int) -> None:
        headers, number = {"Authorization": "Bearer wk_cut"}, 0
        with httpx.Client(base_url=self._url, headers=headers, trust_env=False, timeout=10) as client:
            while not self._stop.is_set():
                lead = f"u-{sender}-{number}"
                number += 1
                event = {"type": "demo_requested", "lead_id": lead, "id": lead}
                with contextlib.suppress(httpx.TransportError):
                    if client.post("/v1/events", json=event).status_code == 200:
                        self.acknowledged.append(lead)


def _cut(up: Up, senders: _Senders, disk: Path, copy: Path) -> list[str]:
    """What had been acknowledged when the power was cut."""
    pids = [up.process.pid, *up.children()]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    acknowledged = list(senders.acknowledged)
    shutil.copyfile(disk, copy)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    up.process.wait()
    senders.end()
    return acknowledged


def _scores(up: Up, leads: list[str]) -> dict[str, float]:
    """The scores of those leads that come to have one."""
    found: dict[str, float] = {}
    deadline = time.monotonic() + _SCORED_WITHIN_S
    headers = {"Authorization": "Bearer rk_cut"}
    with httpx.Client(base_url=up.url, headers=headers, trust_env=False, timeout=10) as client:
        while len(found) < len(leads) and time.monotonic() < deadline:
            for lead in leads:
                if lead not in found:
                    answer = client.get(f"/v1/leads/{lead}")
                    if answer.status_code == 200 and (score := answer.json()["score"]) > 0:
                        found[lead] = score
            time.sleep(0.2)
    return found


def run(seconds: float) -> tuple[int, int, int]:
    """How many leads were acknowledged, lost, and counted twice."""
    with tempfile.TemporaryDirectory(prefix="power-cut-") as folder:
        disk, copy, at = (Path(folder) / name for name in ("disk", "copy", "mounted"))
        at.mkdir()
        disk.touch()
        os.truncate(disk, 500 << 20)
        _run("mkfs.ext4", "-q", disk)
        with _mounted(disk, at), running("--data", str(at / "data"), settings=_KEYS) as up:
            senders = _Senders(up)
            time.sleep(seconds)
            acknowledged = _cut(up, senders, disk, copy)
        with _mounted(copy, at), running("--data", str(at / "data"), settings=_KEYS) as up:
            found = _scores(up, acknowledged)
    twice = sum(score > 30.01 for score in found.values())  # one demonstration asked for gives 30
    return len(acknowledged), len(acknowledged) - len(found), twice


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="of load before the cut")
    parser.add_argument("--unflushed", action="store_true", help="without Kafka's flushes")
    arguments = parser.parse_args()
    if arguments.unflushed:
        up_running._command = lambda more: [sys.executable, "-c", _UNFLUSHED, "up", *more]
    acknowledged, lost, twice = run(arguments.seconds)
    print(f"acknowledged {acknowledged}, lost {lost}, counted twice {twice}")
    return 1 if lost or twice or not acknowledged else 0


if __name__ == "__main__":
    sys.exit(main())
