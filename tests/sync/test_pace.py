"""Rates are kept, waits grow, and a CRM that asks for time is given it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sync.caller import Bucket, Rate
from connectors.sync.errors import AwayError, ThrottledError
from connectors.sync.gate import Gate, backoff_s
from scorer.times import SECOND, Micros


class _Clock:
    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> Micros:
        return Micros(self.now)


@given(
    calls=st.integers(1, 20),
    within_s=st.floats(0.5, 60),
    gaps=st.lists(st.floats(0, 5), min_size=1, max_size=100),
)
def test_no_more_calls_pass_than_a_rate_allows(calls: int, within_s: float, gaps: list[float]) -> None:
    clock = _Clock()
    bucket = Bucket(Rate(calls, within_s), clock)
    passed = 0
    for gap in gaps:
        clock.now += int(gap * SECOND)
        passed += bucket.take() == 0.0
    assert passed <= calls + clock.now / SECOND * calls / within_s + 1e-6


@given(calls=st.integers(1, 20), within_s=st.floats(0.5, 60))
def test_whoever_waits_as_long_as_asked_passes(calls: int, within_s: float) -> None:
    clock = _Clock()
    bucket = Bucket(Rate(calls, within_s), clock)
    for _ in range(calls + 5):
        if wait := bucket.take():
            clock.now += int(wait * SECOND) + 1
            assert bucket.take() == 0.0


@given(failures=st.integers(1, 10_000))
def test_waits_are_bounded_and_differ_by_chance(failures: int) -> None:
    assert 0.5 <= backoff_s(failures) <= 300


async def test_a_gate_is_closed_for_as_long_as_it_is_asked() -> None:
    clock = _Clock()
    gate = Gate("test-gate", clock)
    gate.failed(ThrottledError("slow down", 7.0))
    assert gate.closed_until >= 7 * SECOND
    gate.failed(AwayError("gone"))
    assert gate.closed_until >= 7 * SECOND, "a failure meanwhile doesn't shorten it"
    clock.now = gate.closed_until
    await gate.wait()
    gate.passed()


def test_who_a_crm_s_words_name_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    Gate("test-gate", _Clock()).failed(AwayError("no such value: 'anne@acme.example', (bob@acme.example)"))
    assert "no such value: '…', (…); called again" in caplog.text
