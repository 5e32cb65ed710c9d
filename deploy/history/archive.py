"""A file of an archive: its lines, whether it is compressed or not, and what it is known by."""

import codecs
import gzip
import hashlib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, Final, cast

from deploy.history.errors import ArchiveError

_GZIP: Final = b"\x1f\x8b"
_CHUNK_BYTES: Final = 1 << 20
_MOST_LINE_BYTES: Final = 4_000_000
"""More than any event may have: a file that has no lines is none of ours."""

Numbered = tuple[int, bytes]
"""A line's number from 1, and its bytes without the line's end."""


@dataclass
class Archive:
    """A file; `read_bytes` of it are read, as it lies on the disk."""

    path: Path
    read_bytes: int = 0

    @cached_property
    def size(self) -> int:
        """Bytes on the disk."""
        with self._told():
            return self.path.stat().st_size

    @cached_property
    def digest(self) -> str:
        """By which it is known again under any name: of its bytes as they are on the disk."""
        with self._told(), self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def lines(self) -> Iterator[Numbered]:
        """The lines that are not blank; raises ArchiveError where one can't be read."""
        with self._told(), self.path.open("rb") as file:
            packed = file.read(len(_GZIP)) == _GZIP
            file.seek(0)
            unpacked = cast(BinaryIO, gzip.GzipFile(fileobj=file)) if packed else file
            number = 0
            while line := unpacked.readline(_MOST_LINE_BYTES):
                number += 1
                self.read_bytes = file.tell()
                if len(line) == _MOST_LINE_BYTES:
                    raise ArchiveError(f"{self.path}:{number}: a line of 4 MB and more: no archive of events")
                if number == 1:
                    line = line.removeprefix(codecs.BOM_UTF8)
                if line.strip():
                    yield number, line.rstrip(b"\r\n")
        self.read_bytes = self.size

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ArchiveError(f"{self.path}: broken gzip: {error}") from None
        except OSError as error:
            raise ArchiveError(f"{self.path}: can't be read: {error.strerror}") from None
