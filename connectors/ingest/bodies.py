"""Reads a request's body, whatever it claims to be: bounded in bytes and in time."""

import asyncio
from typing import Final

from starlette.requests import Request

from connectors.ingest.errors import RefusedError
from connectors.ingest.unpacking import encoding_of, too_large, unpack

_READ_WITHIN_S: Final = 30.0
"""For a whole body; longer is a client that trickles to hold a connection."""
_DRAIN_FACTOR: Final = 8
"""A body up to this many limits long is read to its end, unkept, so that its sender hears of the 413."""


async def read_body(request: Request, limit: int) -> bytes:
    """The body, unpacked where it is packed; raises RefusedError 400, 408, 413 or 415."""
    packing = request.headers.get("content-encoding", "")
    encoding_of(packing)  # before anything is read
    return unpack(await read_raw(request, limit), packing, limit)


async def read_raw(request: Request, limit: int) -> bytes:
    """The body's bytes as they came; raises RefusedError 408 or 413."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit * _DRAIN_FACTOR:
        raise too_large(limit)
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
        raise too_large(limit)
    return b"".join(chunks)
