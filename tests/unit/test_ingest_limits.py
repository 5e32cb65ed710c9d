"""The rate limit of a key."""

import pytest

from connectors.ingest.errors import RefusedError
from connectors.ingest.limits import RateLimit


def test_a_second_s_worth_at_once_then_as_time_goes() -> None:
    now = [0.0]
    limit = RateLimit(2.0, lambda: now[0])
    limit.take(0)
    limit.take(0)
    with pytest.raises(RefusedError) as refused:
        limit.take(0)
    assert (refused.value.status, refused.value.retry_after_s) == (429, 1)
    now[0] = 0.5
    limit.take(0)
    with pytest.raises(RefusedError):
        limit.take(0)


def test_other_keys_are_not_touched_and_idle_time_is_not_saved_up() -> None:
    now = [0.0]
    limit = RateLimit(1.0, lambda: now[0])
    limit.take(0)
    limit.take(1)
    now[0] = 3_600.0
    limit.take(0)
    with pytest.raises(RefusedError):
        limit.take(0)


def test_slow_limits_say_how_long_to_wait() -> None:
    limit = RateLimit(0.1, lambda: 0.0)
    limit.take(0)
    with pytest.raises(RefusedError) as refused:
        limit.take(0)
    assert refused.value.retry_after_s == 10


def test_no_limit() -> None:
    limit = RateLimit(None, lambda: 0.0)
    assert [limit.take(0) for _ in range(1_000)] == [None] * 1_000
