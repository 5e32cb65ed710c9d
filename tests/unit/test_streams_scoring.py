"""What came for a lead whose state it would make too large goes to the failed topic, and nothing else."""

import pytest

from scorer.messages import Changes, Record
from streams.scoring import _too_large


def test_names_what_came_for_a_lead_that_is_too_large(caplog: pytest.LogCaptureFixture) -> None:
    records = [Record("views", 0, at, 0, key, b"v") for at, key in enumerate([b"u-1", b"u-2", b"u-1"])]
    assert _too_large(records, Changes()) == []
    letters = _too_large(records, Changes(refused=frozenset({b"u-1"})))
    assert [letter.record.offset for letter in letters] == [0, 2]
    assert "u-1" not in caplog.text
