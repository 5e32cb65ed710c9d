"""The worker over a broker deletes an id long idle from states and scores, and what is known it keeps."""

import json
import time
from pathlib import Path

from scorer.times import DAY, Micros, format_time
from scorer.topics import SCORES, full_name, topic_of
from streams.batching.store import TAIL_KEY
from tests.streaming import Rig, TopicReader, producer_to

GRID = """
grid: fading
version: 1
scores: {engagement: {min: 0, max: 100}}
half_life: 1d
criteria:
  - {id: view, score: engagement, points: 10, event: page_view}
tiers: [{id: cold}, {id: warm, from: 20}]
"""
IDLE = [f"a-{number}" for number in range(20)]


def left(read: TopicReader) -> set[str]:
    """The ids that are left in a topic."""
    states = {record.key: record.value for record in read.records if not record.key.startswith(b"\xff")}
    return {key.decode() for key, value in states.items() if value is not None}


def deleted(read: TopicReader) -> set[str]:
    return {record.key.decode() for record in read.records if record.value is None}


async def test_forgets_who_is_long_idle(rig: Rig, tmp_path: Path) -> None:
    grid = tmp_path / "grid.yml"
    grid.write_text(GRID)
    then = Micros(time.time_ns() // 1_000 - 500 * DAY)
    await rig.make_topics()
    worker = rig.worker("--score", "--forget-after-days", "100", grid=grid)
    try:
        async with producer_to(rig.bootstrap) as producer, rig.read_changelog() as states:
            for name in (*IDLE, "u-1", "u-2"):
                who = {"lead_id" if name.startswith("u") else "anonymous_id": name}
                event = {"id": f"e-{name}", "type": "page_view", "time": format_time(then), **who}
                topic = full_name(rig.prefix, topic_of("page_view"))
                await producer.send(
                    topic, json.dumps(event).encode(), key=name.encode(), timestamp_ms=then // 1_000
                )
            await producer.flush()
            worker.start()
            await states.read_until(lambda read: deleted(read) >= set(IDLE))
            assert left(states) == {"u-1", "u-2"}
            for partition in range(rig.partitions):  # recovery waits for ever for a deletion that is no more
                last = [record for record in states.records if record.partition == partition][-1]
                assert (last.key, last.value is None) == (TAIL_KEY, False)
            async with rig.read(SCORES) as scores:
                await scores.read_until(lambda read: left(read) == {"u-1", "u-2"})
                assert deleted(scores) == set(IDLE)
            assert worker.stop() == 0
            worker.start()
            worker.wait_for("scoring partitions [0, 1]: 2 leads")
            assert worker.stop() == 0
    finally:
        worker.end()
