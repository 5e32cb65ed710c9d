"""Bytewax: a stateful operator whose state goes to Bytewax's own recovery store (SQLite), no changelog."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import cluster_main

from scorer.messages import Record
from scorer.topics import IN_TOPICS, SCORES, full_name
from tests.benchmarks.counting import parse, score_record
from tests.benchmarks.job import Job, Tally, given, mark
from tests.benchmarks.keyed import KeyedScorer, OneState

Message = KafkaSourceMessage[bytes, bytes]
Step = Callable[[Any, Message], tuple[Any, Iterable[KafkaSinkMessage[bytes, bytes]]]]
"""From a lead's state and an event to its new state and what is sent."""


def main(job: Job) -> None:
    """Runs to the end of the log, which closes the last epoch: sent, and kept in the recovery store."""
    tally = Tally()
    flow = Dataflow("benchmark")
    source = KafkaSource([job.kafka], [full_name(job.prefix, topic) for topic in IN_TOPICS], tail=False)
    log = op.input("log", flow, source)
    keyed = op.key_on("key", log, lambda message: message.key.decode())
    step = _counting(job, tally) if job.task == "count" else _scoring(job, tally)
    done = op.stateful_flat_map("step", keyed, step)
    op.output("out", op.map("bare", done, lambda pair: pair[1]), KafkaSink([job.kafka], None))
    folder = Path(job.folder)
    init_db_dir(folder, 1)
    recovery = RecoveryConfig(str(folder))
    cluster_main(flow, [], 0, recovery_config=recovery, epoch_interval=timedelta(seconds=1))
    mark(tally.seen)


def _counting(job: Job, tally: Tally) -> Step:
    scores = full_name(job.prefix, SCORES)

    def count(state: Any, message: Message) -> Any:
        tally.one()
        parse(message.value)
        number = (state or 0) + 1
        return number, [KafkaSinkMessage(message.key, score_record(message.key, number), scores)]

    return count


def _scoring(job: Job, tally: Tally) -> Step:
    store = OneState()
    scorer = KeyedScorer(job.grid, store)
    names = {full_name(job.prefix, topic): topic for topic in IN_TOPICS}

    def score(state: Any, message: Message) -> Any:
        tally.one()
        assert message.topic and message.timestamp
        assert message.partition is not None and message.offset is not None
        store.state = state
        moment, topic = message.timestamp[1] * 1000, names[message.topic]
        record = Record(topic, message.partition, message.offset, moment, message.key, message.value)
        sends = scorer.score(record)
        out = [KafkaSinkMessage(one.key, one.value, full_name(job.prefix, one.topic)) for one in sends]
        return store.state, out

    return score


if __name__ == "__main__":
    main(given())
