"""Bodies: unpacked by their bytes, never larger than the limit."""

import gzip
import subprocess
import sys
import zlib
from pathlib import Path

import brotli
import pytest

from connectors.ingest.errors import RefusedError
from connectors.ingest.unpacking import unpack, zstd
from tests.fuzz.bombs import BOMBS

LIMIT = 1_000
TEXT = b'{"type": "page_view"}'


def _gzip(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)  # the same in every process, as names of tests must be


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
        (_gzip(TEXT), ""),
        (_gzip(TEXT), "gzip"),
        (_gzip(TEXT) + b"\0\0", "gzip"),
        (_gzip(TEXT[:5]) + _gzip(TEXT[5:]), "gzip"),
        (zlib.compress(TEXT), ""),
        (zlib.compress(TEXT, 1), ""),
        (zlib.compress(TEXT, 9), "deflate"),
        (_raw_deflate(TEXT), "deflate"),
        (_gzip(TEXT), "X-Gzip"),
        (TEXT, "deflate"),
        (TEXT, "identity"),
        (TEXT, "UTF-8"),
        (TEXT, "identity, gzip"),
        (brotli.compress(TEXT), "br"),
        (brotli.compress(b"[]" * 500), "br"),
        (zstd.compress(TEXT), "zstd"),
        (zstd.compress(TEXT), ""),
        (zstd.compress(TEXT[:5]) + zstd.compress(TEXT[5:]), "zstd"),
    ],
)
def test_unpacks(body: bytes, encoding: str) -> None:
    assert unpack(body, encoding, LIMIT) in (TEXT, b"[]" * 500)


@pytest.mark.parametrize("size", [0, LIMIT - 1, LIMIT])
def test_up_to_the_limit(size: int) -> None:
    assert len(unpack(_gzip(b"x" * size), "", LIMIT)) == size
    assert len(unpack(_gzip(b"x" * size) + _gzip(b""), "", LIMIT)) == size


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (_gzip(b"x" * (LIMIT + 1)), "", 413),
        (_gzip(b"x" * LIMIT) + _gzip(b"x"), "", 413),
        (zlib.compress(b"x" * (LIMIT + 1)), "", 413),
        (_gzip(TEXT)[:-9], "", 400),
        (b"\x1f\x8b", "", 400),
        (b"\x1f\x8bnonsense, all of it", "", 400),
        (_gzip(TEXT) + b"behind", "", 400),
        (_gzip(b"") * 65, "", 400),
        (b"nonsense", "deflate", 400),
        (brotli.compress(b"x" * (LIMIT + 1)), "br", 413),
        (brotli.compress(TEXT)[:-3], "br", 400),
        (brotli.compress(TEXT) + b"behind", "br", 400),
        (b"\xff\xffnonsense", "br", 400),
        (zstd.compress(b"x" * (LIMIT + 1)), "zstd", 413),
        (zstd.compress(b"x" * LIMIT) + zstd.compress(b"x"), "zstd", 413),
        (zstd.compress(TEXT)[:-3], "zstd", 400),
        (zstd.compress(TEXT) + b"behind", "zstd", 400),
        (zstd.compress(b"") * 65, "zstd", 400),
        (b"\x28\xb5\x2f\xfdnonsense, all of it", "zstd", 400),
        (TEXT, "compress", 415),
        (TEXT, "gzip, gzip", 415),
        (_gzip(TEXT), "br, gzip", 415),
        (TEXT, "deflate;q=1", 415),
    ],
)
def test_refuses(body: bytes, encoding: str, status: int) -> None:
    with pytest.raises(RefusedError) as refused:
        unpack(body, encoding, LIMIT)
    assert refused.value.status == status


def test_packed_twice_stays_packed_once() -> None:
    assert unpack(_gzip(_gzip(TEXT)), "gzip", LIMIT)[:2] == b"\x1f\x8b"


def test_what_unpacks_to_a_thousand_times_its_size_is_no_batch_of_events() -> None:
    with pytest.raises(RefusedError, match="500 times") as refused:
        unpack(_gzip(b"x" * 900_000), "", 1_000_000)
    assert (refused.value.status, refused.value.reason) == (413, "ratio")


def test_a_zstd_that_asks_for_a_large_window_is_refused() -> None:
    packer = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 27})
    with pytest.raises(RefusedError) as refused:
        unpack(packer.compress(TEXT) + packer.flush(), "zstd", LIMIT)
    assert refused.value.status == 400


_VICTIM = """
import sys
from pathlib import Path
from connectors.ingest.errors import RefusedError
from connectors.ingest.unpacking import unpack

def peak_kb():  # of this program: what getrusage tells begins with the parent's
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])

file, encoding = sys.argv[1:]
before = peak_kb()
status = 200
try:
    unpack(Path(file).read_bytes(), encoding, 1_000_000)
except RefusedError as refusal:
    status = int(refusal.status)
print(status, peak_kb() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads memory from /proc")
@pytest.mark.parametrize("name", sorted(BOMBS))
def test_a_bomb_costs_next_to_nothing(name: str, tmp_path: Path) -> None:
    body, encoding, status = BOMBS[name]
    (tmp_path / "bomb").write_bytes(body[:1_000_000])
    command = [sys.executable, "-c", _VICTIM, str(tmp_path / "bomb"), encoding]
    root = Path(__file__).parents[2]
    run = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    found, grown_kb = map(int, run.stdout.split())
    assert found == status
    assert grown_kb <= 16_384
