"""Progress names what does not move."""

from typing import Any

import pytest
from faust.types import TP

from streams import watch
from streams.errors import StalledError
from streams.watch import Progress


class Consumer:
    """What a consumer says of one partition number of two topics."""

    def __init__(self) -> None:
        self.at = {TP("views", 3): 10, TP("clicks", 3): 0}

    def committed(self, tp: TP) -> int:
        return self.at[tp]

    def end(self, tp: TP) -> int:
        return 20

    def behind(self, tp: TP, end: int) -> int:
        return end - self.at[tp]


class App:
    """As much of an application as progress asks for."""

    def __init__(self) -> None:
        self.consumer = Consumer()


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    time = [0.0]
    monkeypatch.setattr(watch.time, "monotonic", lambda: time[0])
    return time


def test_progress_counts_any_topic_of_a_partition_number(now: list[float]) -> None:
    app: Any = App()
    progress = Progress(app, {"views": "views", "clicks": "clicks"}, lambda: 0)
    sources = list(app.consumer.at)
    progress._look(sources)
    now[0] = 59.0
    app.consumer.at[TP("views", 3)] = 11
    progress._look(sources)
    now[0] = 118.0
    progress._look(sources)
    now[0] = 120.0
    with pytest.raises(StalledError, match="29 records wait on partitions 3"):
        progress._look(sources)


def test_progress_is_at_ease_where_nothing_waits(now: list[float]) -> None:
    app: Any = App()
    progress = Progress(app, {"views": "views", "clicks": "clicks"}, lambda: 0)
    app.consumer.at = dict.fromkeys(app.consumer.at, 20)
    for now[0] in (0.0, 100.0, 200.0):
        progress._look(list(app.consumer.at))
    assert progress._moved[3][1] == 200.0


def test_recovery_is_progress(now: list[float]) -> None:
    recovered = [0]
    app: Any = App()
    progress = Progress(app, {"views": "views", "clicks": "clicks"}, lambda: recovered[0])
    for now[0] in (0.0, 50.0, 100.0, 150.0):
        recovered[0] += 1
        progress._look(list(app.consumer.at))
    assert progress._moved[3][1] == 150.0
