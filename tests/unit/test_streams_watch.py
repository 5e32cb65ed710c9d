"""Progress names what does not move."""

from typing import Any, NoReturn

import pytest
from faust.types import TP

from streams import watch
from streams.errors import StalledError
from streams.watch import Progress
from streams.watchdog import Watchdog


class Consumer:
    """What a consumer says of one partition number of two topics."""

    def __init__(self) -> None:
        self.at = {TP("views", 3): 10, TP("clicks", 3): 0}
        self.sought = True

    def expected(self, tp: TP) -> int | None:
        return self.at[tp] if self.sought else None

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
        self.in_recovery = False
        self.rebalancing = False


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    time = [0.0]
    monkeypatch.setattr(watch.time, "monotonic", lambda: time[0])
    return time


def test_progress_counts_any_topic_of_a_partition_number(now: list[float]) -> None:
    app: Any = App()
    progress = Progress(app, {"views": "views", "clicks": "clicks"}, lambda: True, lambda: 0)
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
    progress = Progress(app, {"views": "views", "clicks": "clicks"}, lambda: True, lambda: 0)
    app.consumer.at = dict.fromkeys(app.consumer.at, 20)
    for now[0] in (0.0, 100.0, 200.0):
        progress._look(list(app.consumer.at))
    assert progress._moved[3][1] == 200.0


def test_recovery_is_progress(now: list[float]) -> None:
    recovered = [0]
    app: Any = App()
    progress = Progress(app, {"views": "views", "clicks": "clicks"}, lambda: True, lambda: recovered[0])
    app.in_recovery = True
    for now[0] in (0.0, 50.0, 100.0, 150.0):
        recovered[0] += 1
        progress._look(list(app.consumer.at))
        progress._require_settling(list(app.consumer.at))
    assert progress._moved[3][1] == 150.0
    assert progress.doing == "recovering"
    now[0] = 241.0
    with pytest.raises(StalledError, match="recovering for 90 s"):
        progress._require_settling(list(app.consumer.at))


def test_copies_of_others_states_are_no_progress(now: list[float]) -> None:
    recovered = [0]
    app: Any = App()
    progress = Progress(app, {"views": "views", "clicks": "clicks"}, lambda: True, lambda: recovered[0])
    for now[0] in (0.0, 50.0):
        recovered[0] += 1
        progress._look(list(app.consumer.at))
    now[0] = 61.0
    with pytest.raises(StalledError):
        progress._look(list(app.consumer.at))


@pytest.mark.parametrize(
    ("holds", "rebalancing", "sought", "doing"),
    [
        (False, False, True, "waiting for the group's coordinator"),
        (True, True, True, "rebalancing"),
        (True, False, False, "looking up committed offsets"),
    ],
)
def test_what_never_ends_is_named(
    now: list[float], holds: bool, rebalancing: bool, sought: bool, doing: str
) -> None:
    app: Any = App()
    progress = Progress(app, {"views": "views", "clicks": "clicks"}, lambda: holds, lambda: 0)
    app.rebalancing, app.consumer.sought = rebalancing, sought
    sources = list(app.consumer.at)
    progress._require_settling(sources)
    assert progress.doing == doing
    now[0] = 89.0
    progress._require_settling(sources)
    now[0] = 91.0
    with pytest.raises(StalledError, match=doing):
        progress._require_settling(sources)


def test_a_worker_without_partitions_is_at_ease(now: list[float]) -> None:
    app: Any = App()
    progress = Progress(app, {"views": "views", "clicks": "clicks"}, lambda: True, lambda: 0)
    for now[0] in (0.0, 100.0, 200.0):
        progress._require_settling([])
    assert progress.doing == "scoring"


class Ended(Exception):
    """In place of the process's end."""


def end(error: Exception) -> NoReturn:
    raise Ended(str(error))


def test_the_watchdog_ends_a_process_whose_loop_stands_still() -> None:
    dog = Watchdog(end, limit_s=1.5)
    for _ in range(2):
        dog.beat()
        dog.look()
        dog.look()
        dog.look()
    with pytest.raises(Ended, match="stood still for 2 s"):
        dog.look()
