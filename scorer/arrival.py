"""A log walked as it arrived: the stream's own core on one partition, every hand-over at once."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from scorer import topics
from scorer.lead import decode
from scorer.messages import Record, Send
from scorer.plan import Plan
from scorer.residents import names_a_lead
from scorer.shard import Shard
from scorer.walk import NOWHERE, Change, Walker

_ALL_IDS: Final = 1 << 40


@dataclass(slots=True)
class Arrival:
    """What came of a log: the tier changes of each lead, and where each lead's walk ended."""

    changes: list[tuple[str, Change]] = field(default_factory=list)
    walkers: dict[str, Walker] = field(default_factory=dict)


def arrived(lines: Iterable[tuple[bytes, int]], plan: Plan, at: int) -> Arrival:
    """What lines (their bytes and moments) make in their order, up to and with `at`.

    Each line arrives at its own moment, never before what its lead has already seen.
    """
    found = Arrival()
    states: dict[bytes, bytes] = {}
    shard = Shard(
        plan, states, 0, 1, _ALL_IDS, None, lambda lead, change: found.changes.append((lead, change))
    )
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
    for key, state in states.items():
        if names_a_lead(key):
            lead, _ = decode(state)
            if lead.course.tier != NOWHERE:
                found.walkers[key.decode()] = Walker(plan, lead.evidence, lead.course, lead.mask)
    return found


def _received(send: Send, offset: int) -> Record:
    return Record(send.topic, 0, offset, send.timestamp, send.key, send.value, send.headers)
