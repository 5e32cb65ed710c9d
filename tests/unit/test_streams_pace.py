"""A cycle takes few records for an early answer, and many while catching up."""

from streams.pace import LEAST, MOST, Pace


class Waiting:
    """An inbox with so many records to take; `steps`: how often it says that more is to come."""

    def __init__(self, behind: int, steps: int = 0) -> None:
        self._behind = behind
        self.steps = steps

    def behind(self) -> int:
        return self._behind

    def gathers(self) -> bool:
        self.steps -= 1
        return self.steps >= 0


def learned(*per_second: int) -> Pace:
    pace = Pace()
    for records in per_second:
        pace.learn(records, 1.0)
    return pace


async def test_begins_small_and_grows_by_what_records_cost() -> None:
    assert await Pace().limit(Waiting(0)) == LEAST
    assert await learned(*[10_000] * 20).limit(Waiting(0)) == 3_000


async def test_a_lucky_cycle_does_no_more_than_double_the_next() -> None:
    assert await learned(10**9).limit(Waiting(0)) == 2 * LEAST


async def test_never_takes_less_than_some_nor_more_than_memory_holds() -> None:
    assert await learned(1).limit(Waiting(0)) == LEAST
    assert await learned(*[10**9] * 40).limit(Waiting(10**9)) == MOST


async def test_small_cycles_say_nothing_of_what_many_records_cost() -> None:
    pace = learned(*[10_000] * 20)
    pace.learn(LEAST - 1, 10.0)
    assert await pace.limit(Waiting(0)) == 3_000


async def test_is_not_far_behind_before_it_knows_what_records_cost() -> None:
    waiting = Waiting(10**6, steps=3)
    assert await Pace().limit(waiting) == LEAST
    assert await learned(*[10_000] * 3).limit(waiting) == 2_048
    assert waiting.steps == 3


async def test_takes_many_once_a_second_of_work_waits() -> None:
    pace = learned(*[10_000] * 20)
    assert await pace.limit(Waiting(10_000)) == 3_000
    assert await pace.limit(Waiting(10_001)) == 20_000


async def test_far_behind_it_waits_for_what_is_asked_for_but_not_for_long() -> None:
    waiting = Waiting(10_001, steps=3)
    assert await learned(*[10_000] * 20).limit(waiting) == 20_000
    assert waiting.steps == -1
    never = Waiting(10_001, steps=10**9)
    assert await learned(*[10_000] * 20).limit(never) == 20_000
    assert 0 < never.steps < 10**9


async def test_at_ease_it_waits_for_nothing() -> None:
    waiting = Waiting(10_000, steps=3)
    await learned(*[10_000] * 20).limit(waiting)
    assert waiting.steps == 3
