"""A file for what a child writes, bounded in size."""

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

_BYTES: Final = 8 << 20  # some days of Kafka's own lines
_OLD_FILES: Final = 3


class LogFile(RotatingFileHandler):
    """Takes lines; the oldest go. What cannot be written, on a full disk, is left out."""

    def __init__(self, path: Path, most_bytes: int = _BYTES) -> None:
        super().__init__(path, maxBytes=most_bytes, backupCount=_OLD_FILES, encoding="utf-8", delay=True)

    def write(self, line: str) -> None:
        """Adds a line."""
        self.emit(logging.makeLogRecord({"msg": line}))

    def handleError(self, record: logging.LogRecord) -> None:
        """Goes on without the line."""
