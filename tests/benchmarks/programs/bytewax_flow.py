"""Bytewax: a stateful operator whose state goes to Bytewax's own recovery store (SQLite), no changelog."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import cluster_main

from scorer.messages import Record
from scorer.topics import IN_TOPICS, SCORES, full_name
from tests.benchmarks.counting import parse, score_record
from tests.benchmarks.job import Job, given, mark
from tests.benchmarks.keyed import KeyedScorer, OneState

Message = KafkaSourceMessage[bytes, bytes]
Out = Iterable[KafkaSinkMessage[bytes, bytes]]


def main(job: Job) -> None:
    """Runs to the end of the log, which closes the last epoch: sent, and kept in the recovery store."""
    seen = 0

    def tell() -> None:
        nonlocal seen
        seen += 1
        if seen == job.warm:
            mark(seen)

    scores = full_name(job.prefix, SCORES)

    def count(state: int | None, message: Message) -> tuple[int, Out]:
        parse(message.value)
        number = (state or 0) + 1
        tell()
        return number, [KafkaSinkMessage(message.key, score_record(message.key, number), scores)]

    store = OneState()
    scorer = KeyedScorer(job.grid, store) if job.task == "score" else None
    names = {full_name(job.prefix, topic): topic for topic in IN_TOPICS}

    def score(state: bytes | None, message: Message) -> tuple[bytes | None, Out]:
        assert scorer and message.topic and message.timestamp
        assert message.partition is not None and message.offset is not None
        store.state = state
        moment = message.timestamp[1] * 1000
        topic = names[message.topic]
        record = Record(topic, message.partition, message.offset, moment, message.key, message.value)
        sends = scorer.score(record)
        tell()
        out = [KafkaSinkMessage(one.key, one.value, full_name(job.prefix, one.topic)) for one in sends]
        return store.state, out

    flow = Dataflow("benchmark")
    source = KafkaSource([job.kafka], list(names), tail=False)
    log = op.input("log", flow, source)
    keyed = op.key_on("key", log, lambda message: message.key.decode())
    counted = op.stateful_flat_map("score", keyed, score if scorer else count)
    op.output("out", op.map("bare", counted, lambda pair: pair[1]), KafkaSink([job.kafka], None))
    folder = Path(job.folder)
    init_db_dir(folder, 1)
    recovery = RecoveryConfig(str(folder))
    cluster_main(flow, [], 0, recovery_config=recovery, epoch_interval=timedelta(seconds=1))
    mark(seen)


if __name__ == "__main__":
    main(given())
