"""Kafka's clients are ended within bounds, and what they let escape ends nobody else."""

import asyncio

import pytest
from aiokafka.errors import KafkaConnectionError

from connectors import hang_up as module
from connectors.hang_up import end, hang_up


async def _ends() -> None:
    await asyncio.sleep(0)


async def _lets_its_fetch_escape() -> None:
    fetch = asyncio.create_task(asyncio.sleep(60))
    await asyncio.sleep(0)
    fetch.cancel()
    await fetch  # as aiokafka's fetcher does when it is closed


async def _waits_for_ever() -> None:
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return


async def _finds_nobody() -> None:
    raise KafkaConnectionError("away")


async def _is_at_fault() -> None:
    raise ValueError("ours")


async def test_a_stop_that_comes_to_its_end_is_told_from_one_that_does_not() -> None:
    assert await hang_up(_ends(), 5)
    for stop in (_lets_its_fetch_escape(), _finds_nobody()):
        assert not await hang_up(stop, 5)
    assert not await hang_up(_waits_for_ever(), 0.01)
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()


async def test_any_other_error_is_raised() -> None:
    with pytest.raises(ValueError, match="ours"):
        await hang_up(_is_at_fault(), 5)


async def test_a_task_whose_first_cancellation_is_swallowed_ends_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_AGAIN_S", 0.01)

    async def swallows() -> None:
        await _waits_for_ever()
        await asyncio.sleep(60)

    async def fails() -> None:
        raise ValueError("before it was ended")

    tasks = [asyncio.create_task(swallows()), asyncio.create_task(fails()), asyncio.create_task(_ends())]
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await end(*tasks)
    assert all(task.done() for task in tasks)
