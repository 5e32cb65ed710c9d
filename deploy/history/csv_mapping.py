"""Reads a table of comma-separated values by a mapping of its columns.

delimiter: ";"                                    # a comma by default
encoding: utf-8                                   # of the file
constant: {type: page_view}                       # fields that every event has
columns:
  Date: {field: time, format: "%d/%m/%Y %H:%M", timezone: Europe/Paris}
  Contact: {field: lead_id}
  Durée: {field: properties.duration_s, type: number}
  Action: {field: type, values: {Visite: page_view, Téléchargement: download}}
"""

import csv
import math
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import yaml

from deploy.history.archive import Archive, Numbered
from deploy.history.errors import ArchiveError, CsvMappingError
from scorer.errors import EventError
from scorer.times import Micros, format_time, parse_time

_Field = Annotated[
    str, msgspec.Meta(pattern=r"^(id|type|lead_id|anonymous_id|time|(properties|traits|context)\.[^.]+)$")
]
_BOOLEANS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_UNIX: Final = {"unix": 1_000_000, "unix_ms": 1_000}
_REST: Final = "\N{NULL}"
"""The name of what a row has beyond its header's columns; no column of a file has it."""


class Column(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a column means."""

    field: _Field
    type: Literal["text", "number", "boolean"] = "text"
    format: str | None = None
    """Of a time: as Python's strptime has it, `unix`, or `unix_ms`; absent: RFC 3339."""
    timezone: str = "UTC"
    """Of times that name no offset."""
    values: dict[str, str] = {}
    """What the file's words mean; other words stay as they are."""


class CsvMapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a file's columns mean; those that are not named are left out."""

    columns: Annotated[dict[str, Column], msgspec.Meta(min_length=1)]
    constant: dict[_Field, str | int | float | bool] = {}
    delimiter: Annotated[str, msgspec.Meta(min_length=1, max_length=1)] = ","
    encoding: str = "utf-8"

    def rows(self, archive: Archive) -> Iterator[Numbered]:
        """The rows as JSON objects, each with the number of its last line."""
        try:
            reader = csv.DictReader(
                (line.decode(self.encoding) + "\n" for _, line in _all_lines(archive)),
                delimiter=self.delimiter,
                restkey=_REST,
                strict=True,
            )
            self._require_columns(archive.path, reader.fieldnames or ())
            for row in reader:
                yield reader.line_num, msgspec.json.encode(row)
        except (csv.Error, UnicodeDecodeError) as error:
            raise ArchiveError(
                f"{archive.path}:{reader.line_num + 1}: no {self.encoding} CSV: {error}"
            ) from None

    def events(self, row: bytes) -> list[dict[str, Any]]:
        """The event of a row; raises EventError, which names the column, where it can't be read."""
        told: dict[str, str | None] = msgspec.json.decode(row)
        if _REST in told:
            raise EventError("more values than the header has columns: is a delimiter not quoted?")
        event: dict[str, Any] = {}
        for field, constant in self.constant.items():
            _put(event, field, constant)
        for name, column in self.columns.items():
            text = (told.get(name) or "").strip()
            if text:
                try:
                    _put(event, column.field, _value(column.values.get(text, text), column))
                except ValueError as error:
                    raise EventError(f"column {name!r}: {error}") from None
        return [event]

    def _require_columns(self, path: Path, header: Any) -> None:
        for name in self.columns:
            if name not in header:
                there = ", ".join(map(repr, header))
                raise ArchiveError(
                    f"{path}:1: no column {name!r}, which the mapping names: there are {there}"
                )


def load_csv_mapping(path: Path) -> CsvMapping:
    """The mapping in a file; raises CsvMappingError where it is wrong."""
    try:
        found = msgspec.convert(yaml.safe_load(path.read_text(encoding="utf-8")), CsvMapping)
        "".encode(found.encoding)
        for name, column in found.columns.items():
            _check(name, column)
    except OSError as error:
        raise CsvMappingError(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise CsvMappingError(f"{path}: no YAML: {error}") from None
    except (msgspec.ValidationError, LookupError, ValueError) as error:
        raise CsvMappingError(f"{path}: {error}") from None
    return found


def _check(name: str, column: Column) -> None:
    if column.field != "time" and column.format is not None:
        raise ValueError(f"columns.{name}: format: only a time has one")
    try:
        ZoneInfo(column.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"columns.{name}: timezone: {column.timezone!r} is none such as Europe/Paris"
        ) from None


def _all_lines(archive: Archive) -> Iterator[Numbered]:
    """The lines, blank ones too, which a quoted value may hold."""
    before = 0
    for number, line in archive.lines():
        for blank in range(before + 1, number):
            yield blank, b""
        yield number, line
        before = number


def _put(event: dict[str, Any], field: str, value: object) -> None:
    outer, _, inner = field.partition(".")
    if inner:
        event.setdefault(outer, {})[inner] = value
    else:
        event[outer] = str(value)


def _value(text: str, column: Column) -> str | float | bool:
    """What a cell says; raises ValueError where it says nothing of its kind."""
    if column.field == "time":
        return format_time(_moment(text, column))
    if column.type == "number":
        try:
            number = float(text.replace(",", ".") if text.count(",") == 1 and "." not in text else text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise ValueError(f"expected a number, got {text[:40]!r}")
        return int(number) if number.is_integer() else number
    if column.type == "boolean":
        if text.lower() not in _BOOLEANS:
            raise ValueError(f"expected one of {', '.join(_BOOLEANS)}, got {text[:40]!r}")
        return _BOOLEANS[text.lower()]
    return text


def _moment(text: str, column: Column) -> Micros:
    if column.format in _UNIX:
        try:
            return Micros(int(float(text) * _UNIX[column.format]))
        except (ValueError, OverflowError):
            raise ValueError(f"expected a number, got {text[:40]!r}") from None
    if column.format is None:
        return parse_time(text)
    try:
        found = datetime.strptime(text, column.format)
    except ValueError:
        raise ValueError(f"expected a time such as {column.format}, got {text[:40]!r}") from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=ZoneInfo(column.timezone))
    return parse_time(found.isoformat())
