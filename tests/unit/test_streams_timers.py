"""The clock as shards see it: late by the grace, slept on at its own pace."""

import pytest

from scorer.times import SECOND, Micros
from streams.timers import GRACE_S, Timers


class Clocks:
    """A machine's clock and the product's, `pace` times as fast."""

    def __init__(self, pace: float) -> None:
        self.pace = pace
        self.wall = 100.0

    def product(self) -> Micros:
        return Micros(round((self.wall - 100.0) * self.pace * SECOND))


@pytest.mark.parametrize("pace", [1.0, 20_160.0])
def test_is_late_by_the_grace(pace: float) -> None:
    clocks = Clocks(pace)
    timers = Timers(clocks.product, lambda: clocks.wall)
    assert timers.now() == 0
    for _ in range(10):
        clocks.wall += GRACE_S / 2
        timers.now()
    assert timers.now() == round(4 * GRACE_S * pace * SECOND)


def test_sleeps_at_the_clocks_pace() -> None:
    clocks = Clocks(3_600.0)  # an hour a second
    timers = Timers(clocks.product, lambda: clocks.wall)
    clocks.wall += GRACE_S
    half_an_hour_on = timers.now() + 1_800 * SECOND
    assert timers.seconds_until(half_an_hour_on) == pytest.approx(0.5)
    assert timers.seconds_until(0) == pytest.approx(0.01)
    assert timers.seconds_until(half_an_hour_on * 1_000) == 1.0
    assert timers.seconds_until(None) == 1.0
    assert timers.wall_seconds(7_200 * SECOND) == pytest.approx(2.0)
