"""The formats of archives: how each tells its rows, and which events a row tells of."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import msgspec

from connectors.ingest.mapping import PLAIN, SourceMapping
from connectors.ingest.segment_archive import events_of
from deploy.history.archive import Archive, Numbered
from deploy.history.csv_mapping import CsvMapping
from deploy.history.errors import ArchiveError
from scorer.errors import EventError

_SEGMENTS: Final = ("messageId", "anonymousId", "userId", "originalTimestamp", "receivedAt")
"""Names of fields that the contract's events have not."""


class Format(StrEnum):
    """What a file holds."""

    EVENTS = "events"
    SEGMENT = "segment"
    CSV = "csv"


@dataclass(frozen=True)
class Reading:
    """How a file is read."""

    format: Format
    rows: Callable[[Archive], Iterator[Numbered]]
    """Its rows with their line numbers."""
    events: Callable[[bytes], Sequence[bytes]]
    """The events of a row as JSON; raises EventError where it can't be read."""


def reading(
    archive: Archive, told: Format | None, csv: CsvMapping | None, mapping: SourceMapping = PLAIN
) -> Reading:
    """How to read a file: as `told`, else as its first line looks; ArchiveError where nothing fits."""
    found = told or (Format.CSV if csv else _looks_like(archive))
    if found is Format.CSV:
        if csv is None:
            raise ArchiveError(f"{archive.path}: say with --map FILE what its columns mean")
        return Reading(found, csv.rows, _json(csv.events))
    if found is Format.SEGMENT:
        return Reading(found, Archive.lines, _json(lambda row: events_of(row, mapping)))
    return Reading(found, Archive.lines, lambda row: (row,))


def _json(events: Callable[[bytes], Iterable[dict[str, Any]]]) -> Callable[[bytes], Sequence[bytes]]:
    def encoded(row: bytes) -> Sequence[bytes]:
        try:
            return [msgspec.json.encode(event) for event in events(row)]
        except RecursionError:
            raise EventError("nested too deeply to be an event") from None
        except (msgspec.MsgspecError, UnicodeError, OverflowError) as error:
            raise EventError(f"no valid JSON: {error}") from None

    return encoded


def _looks_like(archive: Archive) -> Format:
    _, line = next(archive.lines(), (0, b"{}"))
    try:
        told = msgspec.json.decode(line)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        told = None
    if isinstance(told, dict):
        return Format.SEGMENT if any(name in told for name in _SEGMENTS) else Format.EVENTS
    raise ArchiveError(
        f"{archive.path}:1: no JSON object: say with --format what it is, or with --map what its columns mean"
    )
