"""What is told while states are recovered: how much is left, how fast it comes, how long it takes."""

import logging
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from streams import metrics
from streams.recovering import Recovering


def left(**remaining: int) -> Any:
    """Faust's recovery with so much left, by partition: p0=10."""
    counts = Counter({TP("changelog", int(name[1:])): count for name, count in remaining.items()})
    return SimpleNamespace(in_recovery=True, active_remaining=lambda: counts)


def remaining() -> float:
    (sample,) = metrics.RECOVERY_REMAINING.collect()[0].samples
    return sample.value


def test_tells_how_far_it_is_and_how_long_it_takes(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "streams.recovering")
    clock = iter((100.0, 102.0, 105.0, 110.0, 111.0))
    watched = Recovering(left(p0=600_000, p3=400_000, p5=0), lambda: next(clock))
    watched.look()
    assert remaining() == 1_000_000
    for count in (500_000, 500_000, 250_000):
        watched._recovery = left(p0=count)
        watched.look()
    assert remaining() == 250_000
    watched._recovery = SimpleNamespace(in_recovery=False)
    watched.look()
    assert remaining() == 0
    assert [record.getMessage() for record in caplog.records] == [
        "recovering partitions [0, 3]: 1,000,000 records to read",
        "recovering partitions [0]: 500,000 of 1,000,000 records read, 100,000 a second, about 5 s left",
        "recovering partitions [0]: 750,000 of 1,000,000 records read, 75,000 a second, about 3 s left",
    ]


def test_a_later_recovery_is_told_anew(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "streams.recovering")
    watched = Recovering(left(p0=10), lambda: 0.0)
    watched.look()
    watched._recovery = left(p0=7, p1=20)  # another partition came while the first was being read
    watched.look()
    watched._recovery = left(p0=0, p1=-1)  # the end was read past
    watched.look()
    watched._recovery = left(p2=5)
    watched.look()
    assert [record.getMessage() for record in caplog.records] == [
        "recovering partitions [0]: 10 records to read",
        "recovering partitions [0, 1]: 27 records to read",
        "recovering partitions [2]: 5 records to read",
    ]
