"""Reads a request's body, whatever it claims to be: bounded in bytes and in time, unpacked by what it is."""

import asyncio
import zlib
from typing import Final

from starlette.requests import Request

from connectors.ingest.errors import RefusedError

_READ_WITHIN_S: Final = 30.0
"""For a whole body; longer is a client that trickles to hold a connection."""
_DRAIN_FACTOR: Final = 8
"""A body up to this many limits long is read to its end, unkept, so that its sender hears of the 413."""
_MAX_MEMBERS: Final = 64
"""Of a gzip stream; clients send one, and each costs time however little it holds."""
_GZIP: Final = b"\x1f\x8b"
_ZLIB: Final = (b"\x78\x01", b"\x78\x9c", b"\x78\xda")
_BOM: Final = b"\xef\xbb\xbf"


async def read_body(request: Request, limit: int) -> bytes:
    """The body, unpacked where it is packed; raises RefusedError 400, 408 or 413."""
    return unpack(await read_raw(request, limit), request.headers.get("content-encoding", ""), limit)


async def read_raw(request: Request, limit: int) -> bytes:
    """The body's bytes as they came; raises RefusedError 408 or 413."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit * _DRAIN_FACTOR:
        raise _too_large(limit)
    try:
        async with asyncio.timeout(_READ_WITHIN_S):
            return await _collect(request, limit)
    except TimeoutError:
        raise RefusedError(408, f"the body did not arrive within {_READ_WITHIN_S:.0f} s") from None


async def _collect(request: Request, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= limit:
            chunks.append(chunk)
        elif size > limit * _DRAIN_FACTOR:
            break
    if size > limit:
        raise _too_large(limit)
    return b"".join(chunks)


def unpack(body: bytes, content_encoding: str, limit: int) -> bytes:
    """The body as it was before gzip or deflate, told by its bytes; never more than `limit` bytes of it.

    >>> unpack(zlib.compress(b"[]"), "", 100), unpack(b"[]", "gzip", 100)
    (b'[]', b'[]')
    """
    if body[:2] == _GZIP:
        body = _inflate(body, zlib.MAX_WBITS | 16, limit)
    elif body[:2] in _ZLIB:
        body = _inflate(body, zlib.MAX_WBITS, limit)
    elif "deflate" in content_encoding.lower() and body.lstrip()[:1] not in (b"{", b"["):
        body = _inflate(body, -zlib.MAX_WBITS, limit)  # raw deflate, as some clients understand the word
    return body.removeprefix(_BOM)


def _inflate(packed: bytes, window_bits: int, limit: int) -> bytes:
    found = b""
    for _ in range(_MAX_MEMBERS):
        stream = zlib.decompressobj(window_bits)
        try:
            found += stream.decompress(packed, limit + 1 - len(found))
        except zlib.error:
            raise RefusedError(400, "the compressed body cannot be unpacked") from None
        if len(found) > limit:
            raise _too_large(limit)
        if not stream.eof:
            raise RefusedError(400, "the compressed body ends too early")
        packed = stream.unused_data
        if packed[:2] != _GZIP:
            break
    if packed.strip(b"\0"):
        raise RefusedError(400, "the compressed body has something else behind it")
    return found


def _too_large(limit: int) -> RefusedError:
    return RefusedError(413, f"the body is larger than {limit} bytes, counted after decompression")
