"""How much room a folder's disk has, and what to say where it is too little."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

_MEGABYTE: Final = 1 << 20
LEAST_BYTES: Final = 256 * _MEGABYTE
"""Less than this is full: Kafka ends when it cannot write, and the snapshot of the cache needs room too."""
LOW_BYTES: Final = 2_048 * _MEGABYTE
"""Less than this is worth a warning: some millions of events."""
_LOOK_EVERY_S: Final = 60.0


def full(folder: Path, least: int = LEAST_BYTES) -> str:
    """What to say where the disk is full; empty where it is not."""
    free = _free(folder)
    if free >= least:
        return ""
    return (
        f"the disk of {folder} is full: {free // _MEGABYTE} MB are free, "
        f"{least // _MEGABYTE} are needed: make room"
    )


async def watch(
    folder: Path, say: Callable[[str], None], low: int = LOW_BYTES, every_s: float = _LOOK_EVERY_S
) -> None:
    """Warns each time that the disk has become nearly full."""
    told = False
    while True:
        free = _free(folder)
        if free < low and not told:
            say(f"the disk of {folder} is nearly full: {free // _MEGABYTE} MB are free")
        told = free < low
        await asyncio.sleep(every_s)


def _free(folder: Path) -> int:
    return shutil.disk_usage(folder).free
