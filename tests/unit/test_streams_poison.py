"""A record that scoring fails on is taken out, and the rest is scored as if it had not been there."""

from collections.abc import Iterable

import pytest

from scorer.messages import Record
from streams import poison


class Adding:
    """A shard that adds numbers up, and fails on what is none after it has half taken it."""

    def __init__(self, most: int = 1_000_000) -> None:
        self.total = 0
        self.most = most

    @property
    def full(self) -> bool:
        return self.total >= self.most

    def receive(self, records: Iterable[Record]) -> None:
        for record in records:
            self.total += 1_000
            self.total += int(record.value or b"") - 1_000
            if self.full:
                return


def records(*values: bytes) -> list[Record]:
    return [Record("views", 1, at, 0, b"k", value) for at, value in enumerate(values)]


def test_takes_out_what_fails(caplog: pytest.LogCaptureFixture) -> None:
    shard, dead, taken = poison.receive(Adding(), records(b"1", b"x", b"2", b"y", b"3"), Adding)
    assert (shard.total, taken) == (6, 5)
    assert [(letter.record.offset, letter.error_class) for letter in dead] == [
        (1, "ValueError"),
        (3, "ValueError"),
    ]
    assert "views-1 at offset 3" in caplog.text
    assert "ValueError" in caplog.text
    assert "invalid literal" not in caplog.text  # it quotes the value


def test_gives_up_where_most_fail() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        poison.receive(Adding(), records(*[b"x"] * (poison.MOST + 1)), Adding)


def test_tells_what_a_full_shard_left() -> None:
    shard, dead, taken = poison.receive(Adding(3), records(b"1", b"x", b"2", b"y", b"3"), lambda: Adding(3))
    assert (shard.total, len(dead), taken) == (3, 1, 3)
