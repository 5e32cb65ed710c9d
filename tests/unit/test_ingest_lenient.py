"""What becomes of bodies in which one value cannot be read."""

import time

import pytest

from connectors.ingest.lenient import fields, items, members, mended
from scorer.errors import EventError


def test_members_are_as_they_came() -> None:
    inside = [b'{"a,]": "\\"}"}', b"[" * 9_000 + b"]" * 9_000, b"NaN"]
    assert members(b"[ " + b" , ".join(inside) + b" ]") == inside
    assert fields(b'{"batch" : [1, 2] , "k\\u00e9y":"x,}"}') == {"batch": b"[1, 2]", "kéy": b'"x,}"'}


@pytest.mark.parametrize("text", [b"", b"x", b"[", b"[]]", b"[]x", b"[][]", b'["]', b'["\\', b'"', b"[[]"])
def test_what_does_not_fit_together(text: bytes) -> None:
    with pytest.raises(EventError):
        members(text)


@pytest.mark.parametrize("part", [b"[", b"[]", b"[],", b'"', b'"\\', b'"",', b"{["])
def test_no_body_takes_long(part: bytes) -> None:
    began = time.process_time()
    with pytest.raises(EventError):
        members(b"[" + part * (1_000_000 // len(part)))
    assert time.process_time() - began < 5  # a square of time would be minutes


@pytest.mark.parametrize("text", [b"", b"\xff", b"[" * 9_000, b"{", b"1" * 5_000])
def test_what_is_no_json_is_not_mended(text: bytes) -> None:
    for read in (mended, items):
        with pytest.raises(EventError):
            read(text)  # type: ignore[operator]
