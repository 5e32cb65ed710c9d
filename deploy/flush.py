"""Puts on the disk what the system still holds in memory, where a power cut would empty it."""

import os
from pathlib import Path


def flush(path: Path) -> None:
    """Flushes a file's content, or a folder's list of names."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def flush_tree(folder: Path) -> None:
    """Flushes all files and folders under a folder, and itself."""
    for path in folder.rglob("*"):
        flush(path)
    flush(folder)
