"""A log walked as it arrived: the stream's own core on one partition, every hand-over at once."""

from collections.abc import Iterable

from scorer import topics
from scorer.messages import Record, Send
from scorer.plan import Plan
from scorer.shard import Shard
from scorer.walk import Change

_ALL_IDS = 1 << 40


def arrived(lines: Iterable[tuple[bytes, int]], plan: Plan, at: int) -> list[tuple[str, Change]]:
    """The tier changes that lines (their bytes and moments) make in their order, up to and with `at`.

    Each line arrives at its own moment, never before what its lead has already seen.
    """
    changes: list[tuple[str, Change]] = []
    shard = Shard(plan, {}, 0, 1, _ALL_IDS, lambda lead, change: changes.append((lead, change)))
    messages = 0
    for number, (value, moment) in enumerate(lines):
        waiting = [Record("line", 0, number, moment, None, value)]
        while waiting:
            shard.receive(waiting)
            sends = [send for send in shard.flush().outbox if send.topic == topics.HANDOVER]
            shard.settle()
            waiting = [_received(send, messages + index) for index, send in enumerate(sends)]
            messages += len(sends)
    while (wake := shard.next_wake()) is not None and wake <= at:
        shard.advance(at)
        shard.flush()
        shard.settle()
    return changes


def _received(send: Send, offset: int) -> Record:
    return Record(send.topic, 0, offset, send.timestamp, send.key, send.value)
