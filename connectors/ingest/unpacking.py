"""Unpacks what is gzipped, deflated, brotlied or zstandard: bounded in size, ratio and number of parts."""

import sys
import zlib
from collections.abc import Callable
from typing import Final, Protocol

import brotli

from connectors.ingest.errors import RefusedError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

KNOWN: Final = ("gzip", "deflate", "br", "zstd")
_SAME: Final = {"x-gzip": "gzip"}
_NOT_PACKED: Final = frozenset({"", "identity", "utf-8"})
"""The last is what some send who take an encoding for a charset."""

_MAX_PARTS: Final = 64
"""Members of gzip, frames of zstd: clients send one, and each costs time however little it holds."""
_MAX_RATIO: Final = 500
"""Of what is unpacked to what came: a megabyte of one and the same event is some 300."""
_FREE_BYTES: Final = 65_536
"""Unpacked bytes from which on the ratio is looked at."""
_WINDOW_LOG: Final = 23
"""Of zstd: the 8 MiB that RFC 9659 lets an HTTP body ask for."""
_GZIP: Final = b"\x1f\x8b"
_ZLIB: Final = (b"\x78\x01", b"\x78\x9c", b"\x78\xda")
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_BOM: Final = b"\xef\xbb\xbf"
_JSON: Final = (b"{", b"[")


class Stream(Protocol):
    """What zlib and zstd have in common."""

    @property
    def eof(self) -> bool:
        """Whether the end of a part was seen."""

    @property
    def unused_data(self) -> bytes:
        """What stands behind it."""

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """The next bytes, so many at most."""


def encoding_of(content_encoding: str) -> str:
    """The one known encoding that a header names, empty for none; RefusedError 415 for others.

    >>> encoding_of("GZIP"), encoding_of("identity"), encoding_of("x-gzip")
    ('gzip', '', 'gzip')
    """
    if not content_encoding:
        return ""
    named = [one.strip().lower() for one in content_encoding.split(",")]
    named = [_SAME.get(one, one) for one in named if one not in _NOT_PACKED]
    if len(named) > 1:
        raise RefusedError(415, "Content-Encoding: encoded more than once: expected one encoding at most")
    if named and named[0] not in KNOWN:
        raise RefusedError(415, f"Content-Encoding: unknown: expected one of {', '.join(KNOWN)}")
    return named[0] if named else ""


def unpack(body: bytes, content_encoding: str, limit: int) -> bytes:
    """The body as it was before it was packed, told by its bytes where they tell; at most `limit` bytes.

    A body that is not packed although a header says so is taken as it is: proxies unpack it and don't say so.

    >>> unpack(zlib.compress(b"[]"), "", 100), unpack(b"[]", "gzip", 100)
    (b'[]', b'[]')
    """
    return _unpacked(body, encoding_of(content_encoding), limit).removeprefix(_BOM)


def _unpacked(body: bytes, encoding: str, limit: int) -> bytes:
    if body[:2] == _GZIP:
        return _parts(body, lambda: zlib.decompressobj(zlib.MAX_WBITS | 16), _GZIP, limit)
    if body[:4] == _ZSTD:
        return _parts(body, _zstd_stream, _ZSTD, limit)
    if body[:2] in _ZLIB:
        return _parts(body, lambda: zlib.decompressobj(zlib.MAX_WBITS), None, limit)
    if encoding not in ("br", "deflate") or not body:
        return body
    try:
        if encoding == "br":
            return _brotli(body, limit)
        # raw deflate, as some clients understand the word
        return _parts(body, lambda: zlib.decompressobj(-zlib.MAX_WBITS), None, limit)
    except RefusedError as refusal:
        if refusal.status == 400 and body.lstrip().startswith(_JSON):
            return body
        raise


def _zstd_stream() -> Stream:
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG})


def _parts(packed: bytes, stream: Callable[[], Stream], again: bytes | None, limit: int) -> bytes:
    """All parts of a stream; `again` is what a further part begins with."""
    found, rest = b"", packed
    for _ in range(_MAX_PARTS):
        part = stream()
        try:
            found += part.decompress(rest, limit + 1 - len(found))
        except (zlib.error, zstd.ZstdError):
            raise RefusedError(400, "the compressed body cannot be unpacked") from None
        _require_size(found, packed, limit)
        if not part.eof:
            raise RefusedError(400, "the compressed body ends too early")
        rest = part.unused_data
        if again is None or not rest.startswith(again):
            break
    if rest.strip(b"\0"):
        raise RefusedError(400, "the compressed body has something else behind it, or too many parts")
    return found


def _brotli(packed: bytes, limit: int) -> bytes:
    stream = brotli.Decompressor()
    try:
        found: bytes = stream.process(packed, output_buffer_limit=limit + 1)
    except brotli.error:
        raise RefusedError(400, "the compressed body cannot be unpacked") from None
    _require_size(found, packed, limit)
    if not stream.is_finished():
        raise RefusedError(400, "the compressed body ends too early")
    return found


def _require_size(found: bytes, packed: bytes, limit: int) -> None:
    if len(found) > limit:
        raise too_large(limit)
    if len(found) > _FREE_BYTES and len(found) > _MAX_RATIO * len(packed):
        told = f"the body unpacks to more than {_MAX_RATIO} times its size"
        raise RefusedError(413, told, reason="ratio")


def too_large(limit: int) -> RefusedError:
    """What a body over the limit is answered."""
    return RefusedError(413, f"the body is larger than {limit} bytes, counted after decompression")
