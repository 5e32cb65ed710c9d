"""Of many requests a few are shown, of each path and of what is refused there some of their own."""

from connectors.ingest.arrivals import Sampling, noted


def test_a_burst_of_each_kind_and_then_a_few() -> None:
    now = [0.0]
    sampling = Sampling(lambda: now[0])
    assert [sampling.takes("a") for _ in range(25)].count(True) == 20
    assert [sampling.takes("b") for _ in range(25)].count(True) == 20
    assert not sampling.takes("c")  # all together have had theirs
    now[0] = 2.0
    assert [sampling.takes("c") for _ in range(25)].count(True) == 4
    now[0] = 1_000.0
    assert [sampling.takes("a") for _ in range(25)].count(True) == 20


def test_kinds_without_end_take_no_memory() -> None:
    sampling = Sampling(lambda: 0.0)
    for number in range(2_000):
        sampling.takes(number)
    assert len(sampling._buckets) <= 502


def test_nothing_is_noted_where_nobody_asked() -> None:
    noted().keys.append("wk")
    assert noted().keys == []
