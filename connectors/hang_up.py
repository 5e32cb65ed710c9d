"""Ends aiokafka's clients, and tasks that use them, within bounds, whatever they do meanwhile."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

from aiokafka.errors import KafkaError

_AGAIN_S: Final = 2.0  # more than a task needs to clean up after itself


async def hang_up(stop: Coroutine[Any, Any, None], within_s: float) -> bool:
    """Runs a client's `stop` or `close`; False where a broker that is away kept it from its end.

    In a task of its own, since aiokafka waits for ever for a broker that is away (its issue 1101), and lets
    the cancellation of its own fetches escape, which in the caller's task would end the caller, in silence.
    """
    task = asyncio.create_task(stop)
    try:
        await asyncio.wait({task}, timeout=within_s)
    finally:
        if not task.done():
            task.cancel()
            task.add_done_callback(_seen)
    if not task.done() or task.cancelled():
        return False
    error = task.exception()
    if error is not None and not isinstance(error, (KafkaError, OSError)):  # a timeout is an OSError
        raise error
    return error is None


async def end(*tasks: asyncio.Task[None]) -> None:
    """Cancels tasks until they have ended: aiokafka sometimes takes one for its own, and goes on."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        ended, left = await asyncio.wait(left, timeout=_AGAIN_S)
        for task in ended:
            _seen(task)


def _seen(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        task.exception()  # asyncio complains of an error that nobody looked at
