"""Bodies: unpacked by their bytes, never larger than the limit."""

import gzip
import tracemalloc
import zlib

import pytest

from connectors.ingest.bodies import unpack
from connectors.ingest.errors import RefusedError

LIMIT = 1_000
TEXT = b'{"type": "page_view"}'


def _raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (TEXT, ""),
        (TEXT, "gzip"),
        (TEXT, "br"),
        (b"\xef\xbb\xbf" + TEXT, ""),
        (gzip.compress(TEXT), ""),
        (gzip.compress(TEXT), "gzip"),
        (gzip.compress(TEXT) + b"\0\0", "gzip"),
        (gzip.compress(TEXT[:5]) + gzip.compress(TEXT[5:]), "gzip"),
        (zlib.compress(TEXT), ""),
        (zlib.compress(TEXT, 1), ""),
        (zlib.compress(TEXT, 9), "deflate"),
        (_raw_deflate(TEXT), "deflate"),
    ],
)
def test_unpacks(body: bytes, encoding: str) -> None:
    assert unpack(body, encoding, LIMIT) == TEXT


@pytest.mark.parametrize("size", [0, LIMIT - 1, LIMIT])
def test_up_to_the_limit(size: int) -> None:
    assert len(unpack(gzip.compress(b"x" * size), "", LIMIT)) == size
    assert len(unpack(gzip.compress(b"x" * size) + gzip.compress(b""), "", LIMIT)) == size


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (gzip.compress(b"x" * (LIMIT + 1)), "", 413),
        (gzip.compress(b"x" * LIMIT) + gzip.compress(b"x"), "", 413),
        (zlib.compress(b"x" * (LIMIT + 1)), "", 413),
        (gzip.compress(TEXT)[:-9], "", 400),
        (b"\x1f\x8b", "", 400),
        (b"\x1f\x8bnonsense, all of it", "", 400),
        (gzip.compress(TEXT) + b"behind", "", 400),
        (gzip.compress(b"") * 65, "", 400),
        (b"nonsense", "deflate", 400),
    ],
)
def test_refuses(body: bytes, encoding: str, status: int) -> None:
    with pytest.raises(RefusedError) as refused:
        unpack(body, encoding, LIMIT)
    assert refused.value.status == status


def test_packed_twice_stays_packed_once() -> None:
    assert unpack(gzip.compress(gzip.compress(TEXT)), "gzip", LIMIT)[:2] == b"\x1f\x8b"


def test_a_bomb_is_refused_before_it_fills_the_memory() -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(b"\0" * 1_000_000) for _ in range(500)) + packer.flush()
    assert len(bomb) < 1_000_000
    tracemalloc.start()
    with pytest.raises(RefusedError, match="larger than 1000000 bytes"):
        unpack(bomb, "gzip", 1_000_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8_000_000
