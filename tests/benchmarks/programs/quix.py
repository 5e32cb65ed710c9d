"""Quix Streams: a stateful step on RocksDB with a changelog topic, one event at a time."""

from collections.abc import Callable
from functools import reduce
from typing import Any

from quixstreams import Application
from quixstreams.context import message_context

from scorer.messages import Record, Send
from scorer.topics import ALERTS, IN_TOPICS, SCORES, full_name
from streams.config import group_name
from tests.benchmarks.counting import parse, score_record
from tests.benchmarks.job import Job, Tally, given, mark
from tests.benchmarks.keyed import KeyedScorer, OneState


def main(job: Job) -> None:
    """Runs until all is counted or scored; ends with a checkpoint: sent, flushed, committed."""
    app = Application(
        broker_address=job.kafka,
        consumer_group=group_name(job.prefix),
        auto_offset_reset="earliest",
        state_dir=job.folder,
        commit_interval=1.0,
        consumer_poll_timeout=0.05,
        loglevel="WARNING",
    )
    raw: dict[str, Any] = {"key_deserializer": "bytes", "value_deserializer": "bytes"}
    frames = [app.dataframe(app.topic(full_name(job.prefix, topic), **raw)) for topic in IN_TOPICS]
    out = {
        topic: app.topic(full_name(job.prefix, topic), key_serializer="bytes", value_serializer="bytes")
        for topic in (SCORES, ALERTS)
    }
    log = reduce(lambda one, other: one.concat(other), frames)
    tally = Tally()

    def tell() -> None:
        tally.one()
        if tally.seen >= job.count:
            app.stop()

    if job.task == "count":
        log.apply(_counting(tell), stateful=True, metadata=True).to_topic(out[SCORES])
    else:
        scored = log.apply(_scoring(job, tell), stateful=True, metadata=True, expand=True)
        for topic, target in out.items():
            of_topic = scored.filter(lambda send, topic=topic: send.topic == topic)
            of_topic.apply(lambda send: send.value).to_topic(target)
    app.run()
    mark(tally.seen)


def _counting(tell: Callable[[], None]) -> Callable[..., bytes]:
    def count(value: bytes, key: bytes, timestamp: int, headers: Any, state: Any) -> bytes:
        tell()
        parse(value)
        number = state.get("count", 0) + 1
        state.set("count", number)
        return score_record(key, number)

    return count


def _scoring(job: Job, tell: Callable[[], None]) -> Callable[..., list[Send]]:
    store = OneState()
    scorer = KeyedScorer(job.grid, store)
    names = {full_name(job.prefix, topic): topic for topic in IN_TOPICS}

    def score(value: bytes, key: bytes, timestamp: int, headers: Any, state: Any) -> list[Send]:
        tell()
        of = message_context()
        store.state = state.get_bytes("lead")
        record = Record(names[of.topic], of.partition, of.offset, timestamp * 1000, key, value)
        sends = scorer.score(record)
        state.set_bytes("lead", store.state)
        return sends

    return score


if __name__ == "__main__":
    main(given())
