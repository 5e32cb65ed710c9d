"""The formats of archives: how each tells its rows, and which events a row tells of."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

import msgspec

from connectors.ingest import segment_archive, snowplow_archive
from connectors.ingest.mapping import PLAIN, SourceMapping
from deploy.history.archive import Archive, Numbered
from deploy.history.csv_mapping import CsvMapping
from deploy.history.errors import ArchiveError
from scorer.errors import EventError

_SEGMENTS: Final = ("messageId", "anonymousId", "userId", "originalTimestamp", "receivedAt")
"""Names of fields that the contract's events have not."""
_TP2: Final = "/payload_data/"
_ENRICHED_TABS: Final = 100


class Format(StrEnum):
    """What a file holds."""

    EVENTS = "events"
    SEGMENT = "segment"
    SNOWPLOW = "snowplow"
    CSV = "csv"


_TRACKERS: Final = {
    Format.SEGMENT: segment_archive.events_of,
    Format.SNOWPLOW: snowplow_archive.events_of,
}


@dataclass(frozen=True)
class Reading:
    """How a file is read."""

    format: Format
    rows: Callable[[Archive], Iterator[Numbered]]
    """Its rows with their line numbers."""
    events: Callable[[bytes], Sequence[bytes]]
    """The events of a row as JSON; raises EventError where it can't be read."""


def reading(
    archive: Archive,
    told: Format | None,
    csv: CsvMapping | None,
    mappings: Mapping[str, SourceMapping] = MappingProxyType({}),
) -> Reading:
    """How to read a file: as `told`, else as its first line looks; ArchiveError where nothing fits."""
    found = told or (Format.CSV if csv else _looks_like(archive))
    if found is Format.CSV:
        if csv is None:
            raise ArchiveError(f"{archive.path}: say with --map FILE what its columns mean")
        return Reading(found, csv.rows, _json(csv.events))
    if found in _TRACKERS:
        events_of, mapping = _TRACKERS[found], mappings.get(found.value, PLAIN)
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
        if _TP2 in str(told.get("schema")):
            return Format.SNOWPLOW
        return Format.SEGMENT if any(name in told for name in _SEGMENTS) else Format.EVENTS
    if line.count(b"\t") >= _ENRICHED_TABS:
        return Format.SNOWPLOW
    raise ArchiveError(
        f"{archive.path}:1: no JSON object: say with --format what it is, or with --map what its columns mean"
    )
