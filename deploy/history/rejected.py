"""The rows of an archive that are not taken, in a file beside it, which is there once there is one."""

from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import msgspec

from deploy.history.errors import ArchiveError


class Rejected:
    """`NAME.rejected.jsonl`: line, reason and row of each, none of which a log may tell."""

    def __init__(self, archive: Path, *, writes: bool, goes_on: bool) -> None:
        """`goes_on`: after those of an earlier run, whose file is done with otherwise."""
        self.path = archive.with_name(f"{archive.name}.rejected.jsonl")
        self._writes = writes
        self._goes_on = goes_on
        self._file: BinaryIO | None = None

    def __enter__(self) -> "Rejected":
        if self._writes and not self._goes_on:
            self.path.unlink(missing_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, line: int, reason: str, row: bytes) -> None:
        """Adds a row; raises ArchiveError where that can't be written."""
        if not self._writes:
            return
        told = {"line": line, "error": reason, "row": row.decode(errors="replace")}
        try:
            if self._file is None:
                self._file = self.path.open("ab")
            self._file.write(msgspec.json.encode(told) + b"\n")
        except OSError as error:
            raise ArchiveError(f"{self.path}: can't be written: {error.strerror}") from None

    def flush(self) -> None:
        """Has the file hold what was written."""
        if self._file is not None:
            self._file.flush()
