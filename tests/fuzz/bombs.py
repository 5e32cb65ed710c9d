"""Bodies that are small as they come and large once unpacked."""

import gzip
import zlib
from typing import Any, Final

import brotli

from connectors.ingest.unpacking import zstd


def _blown(packer: Any) -> bytes:
    return b"".join(packer.compress(bytes(1_000_000)) for _ in range(60)) + bytes(packer.flush())


def _brotlied() -> bytes:
    packer = brotli.Compressor(quality=5)
    return b"".join(packer.process(bytes(1_000_000)) for _ in range(60)) + bytes(packer.finish())


def _bombs() -> dict[str, tuple[bytes, str, int]]:
    """Bodies, what they say of themselves, and what comes of unpacking them."""
    zipped = _blown(zlib.compressobj(9, wbits=31))
    return {
        "gzip": (zipped, "gzip", 413),
        "deflate": (_blown(zlib.compressobj(9)), "deflate", 413),
        "raw": (_blown(zlib.compressobj(9, wbits=-15)), "deflate", 413),
        "br": (_brotlied(), "br", 413),
        "zstd": (_blown(zstd.ZstdCompressor(19)), "zstd", 413),
        "nested": (gzip.compress(zipped), "gzip", 200),  # unpacked once: what is in it is no JSON
        "truncated": (zipped[: len(zipped) // 2], "gzip", 413),
        "cut": (gzip.compress(b"[]")[:9], "gzip", 400),
        "members": (gzip.compress(b"") * 50_000, "gzip", 400),
        "large-members": (gzip.compress(bytes(100_000)) * 1_000, "gzip", 413),
        "frames": (zstd.compress(b"") * 100_000, "zstd", 400),
    }


BOMBS: Final = _bombs()
