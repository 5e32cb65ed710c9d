"""Tells by its bytes whether a body is JSON, or a form with the JSON in a field, often as base64."""

from typing import Final
from urllib.parse import parse_qsl

from connectors.ingest.base64text import decoded

_MOST_FIELDS: Final = 20


def json_of(body: bytes, field: str) -> bytes:
    """The JSON of a body: as it is, or of the form's field, or of base64; the body where it is none of them.

    >>> json_of(b"[1]", "data"), json_of(b"data=%5B1%5D&v=2", "data"), json_of(b"data=WzFd", "data")
    (b'[1]', b'[1]', b'[1]')
    """
    text = body.strip()
    if text.startswith((b"{", b"[")):
        return text
    try:
        told = dict(parse_qsl(text.decode(), max_num_fields=_MOST_FIELDS)).get(field) or text.decode()
        return told.encode() if told.lstrip().startswith(("{", "[")) else decoded(told)
    except ValueError:
        return body
