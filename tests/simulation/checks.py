"""What must hold once a simulated world is quiet, read from its topics alone."""

from collections import defaultdict
from typing import Any

import msgspec

from scorer.lead import StateError, decode
from scorer.reading import Reader
from scorer.record import topic_record
from scorer.residents import names_a_lead
from scorer.topics import ALERTS, FAILED, SCORES
from scorer.walk import NOWHERE, Walker
from streams.batching.store import TAIL_KEY
from streams.config import changelog_name
from tests.simulation.broker import PREFIX
from tests.simulation.world import World

Told = dict[str, Any]


def scores(world: World, at: int) -> list[Told]:
    """The last score of each lead, read at a moment, highest first."""
    last: dict[bytes, bytes | None] = {}
    for record in world.broker.all_of(SCORES):
        last[record.key] = record.value
    reader = Reader(world.plan)
    found = [reader.at(msgspec.json.decode(value), at) for value in last.values() if value is not None]
    return sorted(found, key=lambda record: (-record["score"], record["lead_id"]))


def alerts(world: World) -> dict[str, Told]:
    """The alerts sent, by id."""
    return {told["id"]: told for told in (msgspec.json.decode(r.value) for r in world.broker.all_of(ALERTS))}


def dead(world: World) -> set[tuple[str, int, int]]:
    """Where the dead letters came from: topic, partition, offset."""
    headers = [dict(record.headers) for record in world.broker.all_of(FAILED)]
    return {
        (one["errors.topic"].decode(), int(one["errors.partition"]), int(one["errors.offset"]))
        for one in headers
    }


def breaches(world: World, *, late: bool = False) -> list[str]:
    """What of the promises that need no oracle is broken; `late`: some states came so late as to be void."""
    return [*_of_alerts(world, late), *_of_states(world), *_of_versions(world)]


def _states(world: World) -> list[Any]:
    """Every record of a lead's state that was ever written, by partition, in order."""
    records = [
        record
        for (topic, _), written in sorted(world.broker.written.items())
        if topic == changelog_name(PREFIX)
        for record in written
    ]
    return [
        record
        for record in records
        if record.key != TAIL_KEY and names_a_lead(record.key) and _readable(record.value)
    ]


def _readable(state: bytes | None) -> bool:
    try:
        return state is None or bool(decode(state))
    except StateError:
        return False


def _of_alerts(world: World, late: bool) -> list[str]:
    """Sent is what a durable state has decided: all of it, and nothing else."""
    sent = {record.value for record in world.broker.all_of(ALERTS)}
    outboxes = [decode(record.value)[0].outbox for record in _states(world) if record.value is not None]
    decided = {send.value for outbox in outboxes for send in outbox if send.topic == ALERTS}
    return [
        *(f"decided and never sent: {value!r}" for value in decided - sent if not late),
        *(f"sent and in no state: {value!r}" for value in sent - decided),
    ]


def _of_states(world: World) -> list[str]:
    """Nothing is left to be sent, and each worker holds what the changelog says."""
    last = {(record.partition, record.key): record.value for record in _states(world)}
    left = [key for (_, key), value in last.items() if value is not None and decode(value)[0].outbox]
    held = {
        (number, key): value
        for worker in world.workers
        for number in worker.partitions
        for key, value in worker.store.partitions[number].items()
        if names_a_lead(key)
    }
    kept = {where: value for where, value in last.items() if value is not None}
    return [
        *(f"{key!r} has still to send something" for key in left),
        *(f"{where} differs from its changelog" for where in held.keys() | kept.keys()
          if held.get(where) != kept.get(where)),
    ]  # fmt: skip


def _of_versions(world: World) -> list[str]:
    """Each score is that of a durable state, and they come in the order of those: none goes back."""
    decided: defaultdict[bytes, list[bytes | None]] = defaultdict(list)
    for record in _states(world):
        decided[record.key].append(None if record.value is None else _score_of(world, record))
    said = []
    reached: defaultdict[bytes, int] = defaultdict(int)
    for record in world.broker.all_of(SCORES):
        states = decided[record.key]
        if record.value in states[reached[record.key] :]:
            reached[record.key] = states.index(record.value, reached[record.key])
        elif record.value in states:
            said.append(f"score of {record.key!r} goes back to an older one")
        else:
            said.append(f"score of {record.key!r} is of no durable state")
    return said


def _score_of(world: World, record: Any) -> bytes | None:
    lead, _ = decode(record.value)
    if lead.course.tier == NOWHERE:
        return None
    found = Walker(world.plan, lead.evidence, lead.course, lead.mask).terms(lead.course.moment)
    return topic_record(
        record.key.decode(), lead.evidence, lead.course, found, world.plan, lead.course.moment
    )
