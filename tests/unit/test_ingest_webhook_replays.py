"""What a gateway remembers of deliveries."""

import pytest

from connectors.ingest.errors import RefusedError
from connectors.ingest.webhooks.replays import Replays
from scorer.times import Micros


def test_a_delivery_that_is_under_way_is_told_to_try_again() -> None:
    replays = Replays()

    def claim(now: int = 0) -> bool:
        return replays.claim("a", Micros(0), Micros(now), keep_us=10)

    assert claim()
    with pytest.raises(RefusedError) as found:
        claim()
    assert (found.value.status, found.value.retry_after_s) == (503, 2)
    replays.done("a", taken=False)
    assert claim()
    replays.done("a", taken=True)
    assert not claim(10)
    assert claim(11)
