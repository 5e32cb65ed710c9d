"""The worker's process: waits for Kafka, checks the topics, runs until told to stop or something fails."""

import asyncio
import contextlib
import gc
import logging
import signal
import time
from collections.abc import Coroutine
from typing import Any, Final, NoReturn

from aiokafka.errors import KafkaError

from scorer.shard import Shard
from streams import app, health, topics
from streams.config import WorkerConfig
from streams.ending import die, leave
from streams.errors import StartError, StreamError, trace_of
from streams.grid_file import GridFile
from streams.shards import MakeShard
from streams.watchdog import Watchdog

_log = logging.getLogger(__name__)

_STOP_WITHIN_S: Final = 10.0
_RETRY_EVERY_S: Final = 0.5
_COLLECT_AFTER: Final = (100_000, 20, 20)
"""A cycle makes tens of thousands of objects that end with it: looking through them every 700, as is Python's
default, took a quarter of the worker's time."""


def run(config: WorkerConfig, make_shard: MakeShard = Shard) -> int:
    """Scores until SIGTERM or SIGINT; the exit status. Blocks, and must be the process's main thread.

    After a failure the process ends here and now: nothing that is in doubt may still be written or committed.
    """
    gc.freeze()  # what was imported stays
    gc.set_threshold(*_COLLECT_AFTER)
    try:
        asyncio.run(_main(config, make_shard))
    except StartError as error:
        _log.error("%s", error)
        return 1
    return 0


async def _main(config: WorkerConfig, make_shard: MakeShard) -> None:
    grid = GridFile(config.grid)
    plan = grid.load()
    stop = _stop_signal()
    await _require_topics(config, stop)
    if stop.is_set():
        leave(0)
    worker = app.create(config, plan, make_shard)
    if config.metrics_port is not None:
        health.serve(config.metrics_port, lambda: worker.progress.doing)
    coroutines: list[Coroutine[Any, Any, None]] = [
        _run_faust(worker.app),
        worker.scoring.run(),
        worker.progress.run(),
        Watchdog(die, worker.app.transport.lease.look).run(),
        worker.recovering.run(),
        grid.watch(worker.scoring.regrid),
    ]
    duties = [asyncio.create_task(one) for one in coroutines]
    try:
        await _until_stopped(duties, stop)
        await _end_in_order(worker)
    except Exception as error:
        die(error)


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def _require_topics(config: WorkerConfig, stop: asyncio.Event) -> None:
    """Returns once Kafka answers and its topics are right; StartError where they are not in time."""
    deadline = time.monotonic() + config.start_within_s
    told = ""
    while not stop.is_set():
        lacking = await _unless_stopped(_lacking(config), stop)
        if not lacking:
            return
        if time.monotonic() > deadline:
            raise StartError(f"{lacking}\nwaited {config.start_within_s:g} s for it")
        if lacking != told:
            _log.warning("waiting: %s", lacking)
            told = lacking
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _RETRY_EVERY_S)


async def _unless_stopped(asking: Coroutine[Any, Any, str], stop: asyncio.Event) -> str:
    """What is asked for, or that the worker was told to stop meanwhile."""
    tasks = asyncio.create_task(asking), asyncio.create_task(stop.wait())
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    tasks[1].cancel()
    return tasks[0].result() if tasks[0].done() else "told to stop"


async def _lacking(config: WorkerConfig) -> str:
    """What is not there yet, empty where all is; StartError for what waiting does not mend."""
    try:
        async with asyncio.timeout(config.start_within_s):
            report = await topics.check(config.kafka, config.topic_prefix, config.partitions)
    except (KafkaError, OSError) as error:  # a timeout is an OSError
        return f"no Kafka broker answers at {config.kafka} ({error}): start it or correct LEADHEAT_KAFKA"
    text = "\n".join(map(str, report.problems))
    if any(one.state == "wrong" for one in report.problems):
        raise StartError(f"the topics are not right:\n{text}")
    if not text and report.warnings:
        _log.warning("topics:\n%s", "\n".join(map(str, report.warnings)))
    return text


async def _run_faust(faust_app: Any) -> None:
    """Starts Faust, and fails when it does."""
    await faust_app.start()
    await faust_app._crashed.wait()
    reason = faust_app.crash_reason
    quotes_nobody = isinstance(reason, (KafkaError, OSError, StreamError))
    raise StreamError(f"Faust failed: {repr(reason) if quotes_nobody else trace_of(reason)}") from reason


async def _until_stopped(duties: list[asyncio.Task[None]], stop: asyncio.Event) -> None:
    """Returns when told to stop, the duties still at work: a cycle that is cut off would be repeated."""
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({*duties, stopped}, return_when=asyncio.FIRST_COMPLETED)
    for duty in (one for one in duties if one.done()):
        duty.result()  # raises: none ends by itself


async def _end_in_order(worker: app.Worker) -> NoReturn:
    """Ends the cycle under way, commits and leaves the group; what is too slow is left to the next start."""
    worker.app.transport.lease.leaving = True
    try:
        async with asyncio.timeout(_STOP_WITHIN_S):
            await worker.scoring.release()
            await worker.app.consumer.commit_done()
            await worker.app.stop()
    except TimeoutError:
        _log.warning("did not stop in order within %.0f s; nothing is lost by that", _STOP_WITHIN_S)
    leave(0)
