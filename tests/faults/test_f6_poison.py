"""F6: poison among the events, and a bug that scoring meets on some of them.

Nothing stops; and once the bug is mended and its dead letters are replayed, every lead has the score of a
world without it.
"""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from deploy.kafka.cluster import Cluster
from scorer.topics import IN_TOPICS
from streams.dead_letters import origin
from streams.replay import kind_of
from streams.topics import admin_of
from tests.faults.bench import Bench
from tests.faults.buggy_shard import fails_on
from tests.faults.population import POISON

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

LARGE = 2_000_000
BUG = "ZeroDivisionError"


async def let_large_records_in(bench: Bench) -> None:
    """A topic that takes more than Kafka's default, as an operator may have set it."""
    topics = [bench.topics.full(name) for name in IN_TOPICS]
    configs = {"max.message.bytes": str(2 * LARGE), "cleanup.policy": "delete"}
    async with admin_of(bench.kafka.bootstrap) as admin:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, one, configs) for one in topics])


async def send_poison(bench: Bench, producer: AIOKafkaProducer) -> None:
    """What nobody can read: keys that are no text, values of 2 MB, no value, no event."""
    pick = bench.pick
    for key, value in (
        (b"\xff\xfe", b'{"poison": 1}'),
        (b"\x00", POISON * (LARGE // len(POISON))),
        (None, b"\xff" + POISON),
        (b"c-1", None),
    ):
        topic = bench.topics.full(pick.choice(IN_TOPICS))
        partition = pick.randrange(bench.topics.partitions)
        stamp = bench.population.start + 1
        await producer.send_and_wait(topic, value, key=key, partition=partition, timestamp_ms=stamp)


async def bugs_letters(bench: Bench) -> Counter[str]:
    """Where the records came from that scoring failed on, and how often each is among the dead letters."""
    letters = await bench.topics.read("failed")
    return Counter(origin(letter) for letter in letters if kind_of(letter)[0] == BUG)


def replay(bench: Bench, *options: str) -> str:
    """What `leadheat replay` says."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "deploy",
            "replay",
            "--kafka",
            bench.kafka.bootstrap,
            "--class",
            BUG,
            *options,
        ],
        capture_output=True,
        text=True,
        check=True,
        env={"LEADHEAT_TOPIC_PREFIX": bench.topics.prefix, "PATH": ""},
    )
    return done.stderr.strip().splitlines()[-1]


async def test_f6_poison(fault_kafka: Cluster, tmp_path: Path) -> None:
    bug = tmp_path / "bug"
    bug.touch()
    async with (
        Bench("F6 poison and a bug", fault_kafka, tmp_path, options=("--bug", str(bug))) as bench,
        AIOKafkaProducer(
            bootstrap_servers=fault_kafka.bootstrap, acks="all", max_request_size=2 * LARGE
        ) as producer,
    ):
        await let_large_records_in(bench)
        bench.crew.scale(2)
        await bench.ready()
        async with bench.sending():
            async for turn in bench.harm(every=(1.0, 3.0)):
                await send_poison(bench, producer)
                if turn % 4 == 2:
                    bench.crew.kill(bench.pick.choice(bench.crew.workers))
        await bench.caught_up()
        failed = await bugs_letters(bench)
        met = {
            f"{record.topic}/{record.partition}/{record.offset}"
            for record in await bench.topics.read(*IN_TOPICS)
            if record.value is not None
            and POISON not in record.value
            and fails_on((told := json.loads(record.value))["id"], told["type"])
        }
        assert failed.keys() == met
        bench.also_dead = {str(_place(one)) for one in failed}
        bench.note(f"scoring failed on {len(met)} records")
        await bench.crew.stop()
        bug.unlink()
        assert replay(bench).startswith(f"{len(met)} to put back (do it with --send)")
        bench.crew.scale(2)
        assert replay(bench, "--send").startswith(f"{len(met)} put back")
        assert replay(bench, "--send").startswith("0 put back")
        bench.note("mended and replayed")
        await bench.verdict()


def _place(letter: str) -> tuple[str, int, int]:
    topic, partition, offset = letter.rsplit("/", 2)
    return topic, int(partition), int(offset)
