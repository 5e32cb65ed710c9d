"""Reads form fields out of a body, urlencoded or multipart, whatever its Content-Type claims."""

import logging
import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import parse_qsl

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from connectors.ingest.errors import RefusedError
from connectors.ingest.native import split

logging.getLogger("python_multipart").setLevel(logging.ERROR)  # it warns of every form that is wrong
_MOST_FIELDS: Final = 1_000
_BOUNDARY: Final = re.compile(rb"--([^\r\n]{1,200})\r?\n")


def form_fields(body: bytes) -> list[tuple[str, str]]:
    """The fields in their order, a name perhaps more than once; RefusedError 400 where it is no form.

    >>> form_fields(b"a=1&b=%C3%A9&a=2")
    [('a', '1'), ('b', 'é'), ('a', '2')]
    """
    if (found := _BOUNDARY.match(body)) is not None:
        return _multipart(body, found[1])
    try:
        return parse_qsl(
            body.decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        raise RefusedError(400, "no form that can be read") from None


def is_json(body: bytes) -> bool:
    """Whether a body is JSON, and not a form."""
    return body.lstrip().startswith((b"{", b"["))


def one_or_form(body: bytes) -> Sequence[bytes]:
    """JSON's object, or the items of its list; a form as a whole. RefusedError 400 where it is neither."""
    if is_json(body):
        return split(body)
    form_fields(body)
    return [body]


def _multipart(body: bytes, boundary: bytes) -> list[tuple[str, str]]:
    reader = _Reader()
    parser = MultipartParser(
        boundary,
        {
            "on_part_begin": reader.begin,
            "on_header_field": reader.header_name,
            "on_header_value": reader.header_value,
            "on_header_end": reader.header_end,
            "on_part_data": reader.data,
            "on_part_end": reader.end,
        },
    )
    try:
        parser.write(body)
        parser.finalize()
    except MultipartParseError:
        raise RefusedError(400, "no form that can be read") from None
    return reader.found


class _Reader:
    """Collects the parts that are plain fields; a file among them is passed over."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []
        self._parts = 0

    def begin(self) -> None:
        self._parts += 1
        if self._parts > _MOST_FIELDS:
            raise RefusedError(400, f"more than {_MOST_FIELDS} fields in one form")
        self._name: str | None = None
        self._header, self._value, self._data = b"", b"", bytearray()

    def header_name(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            _, options = parse_options_header(self._value)
            if b"filename" not in options and (name := options.get(b"name")) is not None:
                self._name = name.decode("utf-8", "replace")
        self._header = self._value = b""

    def data(self, data: bytes, start: int, end: int) -> None:
        self._data += data[start:end]

    def end(self) -> None:
        if self._name is not None:
            self.found.append((self._name, self._data.decode("utf-8", "replace")))
