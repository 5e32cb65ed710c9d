"""The mutants: a small patch each of the product's own code, under a name."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from faust.types import TP

import scorer.residents
import scorer.shard
import streams.batching.store
import streams.inbox
import streams.writing
from scorer import cycle, forgetting
from scorer.evidence import Evidence
from scorer.lead import peek
from scorer.residents import Residents
from scorer.shard import Shard
from streams import poison
from streams.batching.consumer import BatchConsumer
from streams.batching.lease import Lease
from streams.batching.producer import BatchProducer, _append
from streams.batching.sole_writer import SoleWriter
from streams.batching.store import PartitionStore
from streams.errors import WriteError
from streams.inbox import Inbox
from streams.scoring import Scoring
from streams.writing import Queues, Writer

Patch = Callable[[Any, str, Any], None]
"""Replaces an attribute, as `setattr` does or a monkeypatch."""


@dataclass(frozen=True)
class Mutant:
    """A broken engine."""

    breaks: str
    apply: Callable[[Patch], None]
    scenario: str
    """Where it is red."""


MUTANTS: dict[str, Mutant] = {}


def mutant(breaks: str, scenario: str) -> Callable[[Callable[[Patch], None]], Callable[[Patch], None]]:
    """Enters a mutant into the list, under the name of its function."""

    def enter(apply: Callable[[Patch], None]) -> Callable[[Patch], None]:
        MUTANTS[apply.__name__] = Mutant(breaks, apply, scenario)
        return apply

    return enter


# Recovery


@mutant("states are taken up only once all of them were read", "story")
def takes_up_states_too_early(patch: Patch) -> None:
    async def nothing(self: PartitionStore, tps: set[TP]) -> list[str]:
        return []

    patch(PartitionStore, "_lacking", nothing)
    patch(PartitionStore, "_begun_anew", lambda self: False)


@mutant("what is held of a changelog has no holes", "story")
def goes_on_behind_what_was_lost(patch: Patch) -> None:
    patch(PartitionStore, "_take", lambda self, batch: self._apply(batch.partition, batch.records))


# Commits and acknowledgements


@mutant("a cycle is committed only after all that it decided was acknowledged", "story")
def commits_too_early(patch: Patch) -> None:
    take, write = Inbox.take, Scoring._write
    taken: dict[Any, Any] = {}

    def noted(self: Inbox, limit: int) -> Any:
        taken[self] = take(self, limit)
        return taken[self]

    async def early(self: Scoring, changes: Any) -> None:
        for portion in taken.pop(self._inbox, ()):
            self._acknowledge(portion)
        await write(self, changes)

    patch(Inbox, "take", noted)
    patch(Scoring, "_write", early)


@mutant("committed is what was worked on, not what was fetched", "story")
def commits_what_was_fetched(patch: Patch) -> None:
    def fetched(lanes: Any, taken: Any) -> dict[TP, int]:
        return {lane.tp: lane.next for lane in lanes if lane.next is not None}

    patch(streams.inbox, "_reached", fetched)


@mutant("a write waits for the broker's answer, however long, or the worker ends", "story")
def gives_up_the_flush(patch: Patch) -> None:
    async def sent(self: Writer, queues: Queues) -> None:
        producer = self._producer()
        for (topic, partition), records in queues.items():
            send = producer.send_records(topic, partition, records, 1 << 30)
            self.__dict__.setdefault("flying", set()).add(asyncio.ensure_future(send))

    patch(Writer, "_acknowledged", sent)


@mutant("what the broker refused is not acknowledged", "refused")
def acknowledges_a_failed_send(patch: Patch) -> None:
    acknowledged = Writer._acknowledged

    async def whatever(self: Writer, queues: Queues) -> None:
        with contextlib.suppress(WriteError):
            await acknowledged(self, queues)

    patch(Writer, "_acknowledged", whatever)


@mutant("a record batch goes out only after the one before it was acknowledged", "refused")
def sends_batches_side_by_side(patch: Patch) -> None:
    async def at_once(self: Any, topic: str, partition: int, records: Any, most: int) -> None:
        producer = self._ensure_producer()
        sent, batch = [], producer.create_batch()
        for record in records:
            if not _append(batch, record):
                sent.append(await producer.send_batch(batch, topic, partition=partition))
                batch = producer.create_batch()
                _append(batch, record)
        if batch.record_count():
            sent.append(await producer.send_batch(batch, topic, partition=partition))
        await asyncio.gather(*sent)

    patch(BatchProducer, "send_records", at_once)


# The order of writing


@mutant("nothing is said of a state before that is durable", "story")
def alerts_before_the_state(patch: Patch) -> None:
    async def write(self: Writer, changes: Any, settle: Any) -> None:
        await self._acknowledged(self._dead_letters(changes))
        await self._acknowledged(self._scores_and_outboxes(changes))
        await self._acknowledged(self._states((p, one.states) for p, one in changes.items()))
        await self._acknowledged(self._states((p, settle(p)) for p in changes))

    patch(Writer, "write", write)


@mutant("an outbox is emptied only after all of it was acknowledged", "story")
def settles_before_it_sends(patch: Patch) -> None:
    async def write(self: Writer, changes: Any, settle: Any) -> None:
        await self._acknowledged(self._dead_letters(changes))
        await self._acknowledged(self._states((p, one.states) for p, one in changes.items()))
        await self._acknowledged(self._states((p, settle(p)) for p in changes))
        await self._acknowledged(self._scores_and_outboxes(changes))

    patch(Writer, "write", write)


@mutant("a dead letter is durable before its record is acknowledged", "poison")
def acknowledges_before_the_dead_letter(patch: Patch) -> None:
    async def write(self: Writer, changes: Any, settle: Any) -> None:
        await self._acknowledged(self._states((p, one.states) for p, one in changes.items()))
        await self._acknowledged(self._scores_and_outboxes(changes))
        await self._acknowledged(self._states((p, settle(p)) for p in changes))

    patch(Writer, "write", write)


@mutant("recovery makes the scores again that a cycle owed", "story")
def forgets_the_marker(patch: Patch) -> None:
    patch(cycle.Markers, "mark", lambda self, scores, least: ([], []))


@mutant("recovery sends what outboxes still hold", "story")
def forgets_the_outbox(patch: Patch) -> None:
    def empty(state: bytes) -> Any:
        found = peek(state)
        return type(found)(found.wake, found.plan, False, found.revision, found.body)

    patch(scorer.residents, "peek", empty)


# Once


@mutant("a record that is in the state is skipped", "few ids")
def forgets_the_offsets(patch: Patch) -> None:
    patch(scorer.shard, "_absorb", lambda absorbed, source, offset: True)


@mutant("an event's copy changes nothing", "story")
def forgets_the_ids(patch: Patch) -> None:
    patch(Evidence, "seen", lambda self, digest: False)


@mutant("a hand-over counts once, by its number", "story")
def forgets_the_numbers(patch: Patch) -> None:
    take = Shard._take_message

    def unnumbered(self: Shard, record: Any, value: bytes) -> None:
        self._touch(record.key, record.timestamp).lead.handed.clear()
        take(self, record, value)

    patch(Shard, "_take_message", unnumbered)


@mutant("an id that another may ask for anything is not forgotten", "forgetting")
def forgets_whom_others_ask(patch: Patch) -> None:
    patch(forgetting, "is_nobody", lambda lead: not lead.known and not lead.outbox)


@mutant("what is on disk is never ahead of the changelog", "on disk")
def persists_before_it_is_acknowledged(patch: Patch) -> None:
    write = Scoring._write

    async def early(self: Scoring, changes: Any) -> None:
        self._persist()
        await write(self, changes)

    patch(Scoring, "_write", early)


# Delivery


@mutant("nothing flows before a partition was sought to where it was committed", "story")
def resumes_before_the_seek(patch: Patch) -> None:
    async def admit(self: BatchConsumer, tp: TP, batch: Any) -> bool:
        self._expected[tp] = batch.offset + 1
        return True

    patch(BatchConsumer, "_admit", admit)


@mutant("a hole is asked for again", "story")
def passes_over_holes(patch: Patch) -> None:
    async def admit(self: BatchConsumer, tp: TP, batch: Any) -> bool:
        expected = self._expected.get(tp)
        if expected is None or batch.offset < expected:
            return False
        batch.drop_before(expected)
        self._expected[tp] = batch.offset + 1
        return True

    patch(BatchConsumer, "_admit", admit)


@mutant("what was fetched before a rebalance is not taken after it", "moves")
def takes_what_an_older_generation_fetched(patch: Patch) -> None:
    async def intake(self: Scoring, stream: Any) -> None:
        async for event in stream.noack().events():
            if self._inbox.put(event.value):
                self._work.set()

    patch(Scoring, "intake", intake)


@mutant("partitions go only after the cycle on them has ended", "moves")
def releases_in_the_middle(patch: Patch) -> None:
    async def release(self: Scoring) -> None:
        self._inbox.own(())

    patch(Scoring, "release", release)


@mutant("no exception leaves the loop: the record is a dead letter, the others go on", "poison")
def raises_out_of_the_loop_body(patch: Patch) -> None:
    def receive(shard: Any, records: Any, start_over: Any) -> Any:
        shard.receive(records)
        return shard, [], len(records)

    patch(poison, "receive", receive)


@mutant("what a full shard did not take is given to it again", "full outboxes")
def passes_over_what_a_full_shard_left(patch: Patch) -> None:
    receive = poison.receive

    def passing(shard: Any, records: Any, start_over: Any) -> Any:
        shard, failed, _ = receive(shard, records, start_over)
        return shard, failed, len(records)

    patch(poison, "receive", passing)


# Who may write


@mutant("a worker that was silent for a session writes no more", "frozen")
def has_no_lease(patch: Patch) -> None:
    patch(Lease, "holds", lambda self: True)
    patch(Lease, "heard", lambda self, code, sent_at: None)


@mutant("an owner notices that another writes its states", "older states")
def does_not_look_who_else_writes(patch: Patch) -> None:
    patch(SoleWriter, "acknowledged", lambda self, partition, first, records: None)


@mutant("an older state does not take the place of a newer one", "older states")
def drops_the_version_check(patch: Patch) -> None:
    patch(streams.batching.store, "supersedes", lambda state, held: True)


# Recovery


@mutant("the marker of a worker that was cut off stays beside that of the next", "late")
def keeps_one_marker_for_all(patch: Patch) -> None:
    patch(cycle, "SLOTS", 1)


@mutant("a deletion is never the changelog's last record", "traps")
def leaves_a_tombstone_at_the_tail(patch: Patch) -> None:
    def states(self: Writer, states: Any, *_: Any) -> Queues:
        queues = Queues(list)
        for partition, pairs in states:
            if queue := [streams.writing.Outgoing(key, state) for key, state in pairs]:
                queues[self._config.changelog, partition] = queue
        return queues

    patch(Writer, "_states", states)


@mutant("a state that can't be read is put aside and named", "traps")
def takes_any_state_for_one(patch: Patch) -> None:
    patch(Residents, "_put_aside", lambda self, key, state, reason: self._store.pop(key))


@mutant("a state that asks for a later program is refused", "later state")
def puts_later_states_aside(patch: Patch) -> None:
    class Never(Exception):
        """Is never raised."""

    patch(scorer.residents, "LaterStateError", Never)
