"""Delivers batches in order and without holes, and commits only what the agent says is done.

A state remembers the last offset that is in it and skips what comes again. That is right only if nothing
before an offset that was applied is ever left out, which Faust itself does not promise over a rebalance.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import Any, Final

from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.batching.assignor import ask_until_known
from streams.batching.scheduler import Batch
from streams.ending import die
from streams.errors import StalledError

_log = logging.getLogger(__name__)

_AGAIN_S: Final = 0.01  # how long what the agent had enough of is left alone; it scores less in that time
_RELEASE_WITHIN_S: Final = 40.0  # after Faust's rebalance timeout of 60 s the group goes on without us


class BatchConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """Faust's consumer thread, with a fetch wait of our choice instead of 1,500 ms, and a lease."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = transport.fetch_wait_ms
        transport.lease.watch(consumer._client)
        return consumer

    async def on_start(self) -> None:
        """Connects; from then on there is the coordinator that joins the group, later."""
        await super().on_start()
        ask_until_known(self._ensure_consumer(), self.app.conf.broker_session_timeout, die)


class BatchConsumer(driver.Consumer):  # type: ignore[misc]
    """Faust's consumer for batches."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._expected: dict[TP, int] = {}  # the offset that must come next
        self._sought: set[TP] = set()  # changelogs of which nothing came since
        self._done: dict[TP, int] = {}  # the offset after the last that was worked on
        self._starts: dict[TP, int] = {}  # where a partition was sought to
        self._hole: dict[TP, tuple[int, int]] = {}  # what was expected and what came, when we went back
        super().__init__(*args, **kwargs)

    def _new_consumer_thread(self) -> BatchConsumerThread:
        return BatchConsumerThread(self, loop=self.loop, beacon=self.beacon)

    # Delivery

    def expected(self, tp: TP) -> int | None:
        """The offset that will be delivered next; None before the partition was sought to its start."""
        return self._expected.get(tp)

    def end(self, tp: TP) -> int | None:
        """The end of a partition as the last fetch told it, if it is ours and one did."""
        state = self._fetched(tp)
        return None if state is None else state.highwater

    def at_end(self, tp: TP) -> bool:
        """Whether nothing more is to be fetched, not counting what is never delivered (markers)."""
        state = self._fetched(tp)
        if state is None or state.highwater is None or not state.has_valid_position:
            return False
        return bool(state.position >= state.highwater)

    def _fetched(self, tp: TP) -> Any:
        """How far aiokafka is with a partition: to be looked at only, it is the consumer thread's."""
        subscription = self._thread._ensure_consumer()._subscription.subscription
        assignment = None if subscription is None else subscription.assignment
        return None if assignment is None else assignment.state_value(tp)

    def behind(self, tp: TP, end: int) -> int:
        """How many records before `end` are not committed yet."""
        committed = self.committed(tp)
        if committed is None or (self.at_end(tp) and committed == self._expected.get(tp)):
            return 0
        return max(0, end - committed)

    def committed(self, tp: TP) -> int | None:
        """Up to where a partition is committed; its start where it never was."""
        offset: int | None = self._committed_offset.get(tp) or self._starts.get(tp)
        return offset

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:  # noqa: ASYNC109 (Faust's name)
        """What was fetched, as far as it continues what was delivered."""
        async for tp, message in super().getmany(timeout):
            if await self._admit(tp, message.value):
                yield tp, message

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:  # noqa: ASYNC109
        """What was fetched of partitions that the agent has not enough of; soon again of the others."""
        enough = self.transport.enough
        wanted = {tp for tp in active_partitions or () if not enough(tp)}
        if wanted != active_partitions:
            timeout = _AGAIN_S
        if not wanted:
            await asyncio.sleep(timeout)
            return {}
        return await super()._getmany(wanted, timeout)

    async def _admit(self, tp: TP, batch: Batch) -> bool:
        expected = self._expected.get(tp)
        if expected is None or batch.offset < expected:
            return False  # of a fetch from before the partition was sought
        changelog = self._is_changelog_tp(tp)
        if batch.first < expected:
            batch.drop_before(expected)
        elif batch.first > expected and (not changelog or tp in self._sought):
            hole = (expected, batch.first)
            if (
                self._hole.get(tp) != hole
            ):  # records fetched before a seek, or offsets that are no more: ask again
                self._hole[tp] = hole
                await self.seek_wait({tp: expected})
                return False
            if not changelog:  # which is compacted
                _log.warning("%s-%d holds nothing from offset %d to %d", tp.topic, tp.partition, *hole)
        batch.follows = expected
        self._sought.discard(tp)
        self._expected[tp] = batch.offset + 1
        return True

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        """Goes to offsets; what was fetched of a changelog before may still come, and does not follow."""
        changelogs = {tp: offset for tp, offset in partitions.items() if self._is_changelog_tp(tp)}
        self._expected.update(changelogs)
        self._sought |= changelogs.keys()
        await super().seek_wait(partitions)

    def resume_partitions(self, tps: Iterable[TP]) -> None:
        """Resumes partitions; recovery does it before it seeks the sources, so those must not flow yet."""
        resumed = set(tps)
        if not all(self._is_changelog_tp(tp) for tp in resumed):
            self.stop_flow()
        super().resume_partitions(resumed)

    async def perform_seek(self) -> None:
        """Goes to the committed offsets, and to the start of a partition that has none."""
        await self.commit()
        await super().perform_seek()
        changelogs = {tp: offset for tp, offset in self._expected.items() if self._is_changelog_tp(tp)}
        self._forget()
        sources = {tp for tp in self.assignment() if not self._is_changelog_tp(tp)}
        starts = {tp: offset for tp in sources if (offset := self._read_offset.get(tp))}
        if fresh := sources - starts.keys():
            earliest = await self.earliest_offsets(*fresh)
            await self.seek_wait(earliest)
            starts.update(earliest)
        self._expected = changelogs | starts
        self._starts = starts

    # Commit

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """A batch jumps over offsets by nature: no gap to account for."""

    def done(self, tp: TP, offset: int) -> None:
        """All that was delivered before an offset is worked on, and what came of it is acknowledged."""
        self._done[tp] = offset

    async def commit_done(self) -> None:
        """Commits all that is done; a commit under way may have begun before the last of it."""
        await self.commit()
        await self.commit()

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> list[TP]:
        return list(self._done)

    def _new_offset(self, tp: TP) -> int | None:
        """What Faust may commit; its own count of acknowledged records passes over unfinished ones."""
        return self._done.pop(tp, None)

    # Rebalance

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Ends the work on all partitions and commits it, before Faust forgets what was acknowledged."""
        if self.assignment() and not self.app.should_stop:
            self.stop_flow()
            self.app.flow_control.suspend()
            self.app.flow_control.clear()
            release: Callable[[], Awaitable[None]] = self.transport.release
            try:
                async with asyncio.timeout(_RELEASE_WITHIN_S):
                    await release()
                    await self.commit_done()
            except TimeoutError:
                await self.app.crash(StalledError(f"work did not end within {_RELEASE_WITHIN_S:.0f} s"))
        self._forget()
        await super().on_partitions_revoked(revoked)

    def _forget(self) -> None:
        self._expected.clear()
        self._done.clear()
        self._hole.clear()
