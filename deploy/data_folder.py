"""The folder that a durable machine keeps everything in: whose it is, who uses it now, its keys."""

import contextlib
import fcntl
import json
import os
import secrets
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any, Final

from deploy import keys
from deploy.errors import DeployError
from deploy.flush import flush

LAYOUT: Final = 1
"""Changes with what the folder holds and where."""
_ABOUT: Final = "leadheat.json"
_KEYS: Final = "keys.json"
_LOCK: Final = "lock"
# What may lie in a folder that is to become one: a start cut short leaves a part.
_OURS: Final = frozenset({_LOCK, "leadheat.partial", "lost+found"})
_LEFTOVERS_END_WITHIN_S: Final = (
    10.0  # processes of an `up` that was killed outright: the kernel is ending them
)
_LOOK_EVERY_S: Final = 0.1


class DataFolderError(DeployError):
    """The folder named by --data cannot be used."""


@dataclass(frozen=True)
class DataFolder:
    """An open folder, this process's own until it and all children that were handed `lock` have ended."""

    path: Path
    lock: int
    cluster: str
    """Kafka's id of the cluster."""

    @property
    def kafka(self) -> Path:
        """Kafka's data, settings and log."""
        return self.path / "kafka"

    @property
    def store(self) -> Path:
        """The read cache's snapshot."""
        return self.path / "store"

    @property
    def jars(self) -> Path:
        """Kafka's program, where it was fetched for this folder."""
        return self.path / "jars"

    def keys(self) -> keys.Made:
        """The keys that this folder keeps, made the first time."""
        path = self.path / _KEYS
        with _telling(path):
            if not path.exists():
                made = keys.make()
                _write(path, {"write_key": made.write, "read_key": made.read}, 0o600)
            kept = _read(path)
        if not all(isinstance(kept.get(name), str) and kept[name] for name in ("write_key", "read_key")):
            raise DataFolderError(f"{path} is damaged: mend it, or remove it, and new keys are made")
        return keys.Made(kept["write_key"], kept["read_key"])


def open_folder(path: Path) -> DataFolder:
    """Opens a folder, a new one or one made before; DataFolderError where it is in use or not ours."""
    path = path.absolute()
    if {",", ":"} & set(str(path)):
        raise DataFolderError(f"--data {path}: Kafka cannot use a path with a comma or a colon in it")
    with _telling(path):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        _require_ours(path)  # before anything is written into a folder that is somebody else's
        lock = _locked(path)
        about = path / _ABOUT
        if not about.exists():
            cluster = urlsafe_b64encode(secrets.token_bytes(16)).rstrip(b"=").decode()
            made_by = installed_version("leadheat")
            _write(about, {"layout": LAYOUT, "made_by": made_by, "cluster": cluster}, 0o600)
        found = DataFolder(path, lock, _cluster(about))
        for folder in (found.kafka, found.store):
            folder.mkdir(mode=0o700, exist_ok=True)
        flush(path)
        flush(path.parent)
    return found


def _require_ours(path: Path) -> None:
    about = path / _ABOUT
    if about.exists():
        return
    if foreign := sorted({one.name for one in path.iterdir()} - _OURS):
        raise DataFolderError(
            f"--data {path}: the folder holds other things ({', '.join(foreign[:3])}) and no {_ABOUT}: "
            "name an empty or new folder, or one that `leadheat up --data` has made"
        )


def _cluster(about: Path) -> str:
    found = _read(about)
    layout, cluster = found.get("layout"), found.get("cluster")
    if isinstance(layout, int) and layout != LAYOUT:
        raise DataFolderError(
            f"--data {about.parent}: made by LeadHeat {found.get('made_by')} with layout {layout}, and "
            f"this one ({installed_version('leadheat')}) knows layout {LAYOUT}: use that or another folder"
        )
    if layout != LAYOUT or not isinstance(cluster, str):
        raise DataFolderError(f"{about} is damaged: put it back from a backup")
    return cluster


def _locked(path: Path) -> int:
    """Locks the folder; waits only for what a killed `up` left behind, and the kernel is about to end."""
    lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + _LEFTOVERS_END_WITHIN_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(lock, 20, 0).decode(errors="replace").strip()
            if _runs(holder) or time.monotonic() > deadline:
                os.close(lock)
                raise DataFolderError(
                    f"--data {path} is in use by another `leadheat up` (process {holder or 'unknown'}): "
                    "stop that one, or name another folder"
                ) from None
            time.sleep(_LOOK_EVERY_S)
        else:
            os.ftruncate(lock, 0)
            os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
            return lock


def _runs(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True  # it runs, as another user
    return True


def _write(path: Path, content: dict[str, Any], mode: int) -> None:
    """Writes a file whole or not at all, also when the power goes."""
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(json.dumps(content, indent=2) + "\n")
    flush(partial)
    partial.replace(path)
    flush(path.parent)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {}


@contextlib.contextmanager
def _telling(path: Path) -> Any:
    """Turns what the system refuses into words."""
    try:
        yield
    except OSError as error:
        raise DataFolderError(f"--data {path}: {error.filename or path}: {error.strerror}") from error
