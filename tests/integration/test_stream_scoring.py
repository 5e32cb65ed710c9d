"""The worker with the real shard: scores, alerts by event and by time, dead letters, a grid that changes."""

import json
import time
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from scorer.times import parse_time
from scorer.topics import ALERTS, FAILED, PAGE_VIEWS, SCORES, full_name
from tests.streaming import Rig, TopicReader, producer_to

pytestmark = [pytest.mark.embedded, pytest.mark.slow]

GRID = """
grid: quick
version: {version}
scores: {{engagement: {{min: 0, max: 100}}}}
half_life: 1s
criteria:
  - {{id: view, score: engagement, points: {points}, event: page_view}}
tiers:
  - {{id: cold}}
  - {{id: warm, from: 15}}
plays:
  - {{id: warmed, when: {{enters: warm}}, do: [{{alert: sales}}]}}
  - {{id: cooled, when: {{leaves: warm}}, do: [{{alert: sales}}]}}
"""


async def view(producer: AIOKafkaProducer, rig: Rig, lead: str) -> int:
    """Sends a page view stamped now; when, in milliseconds."""
    now_ms = time.time_ns() // 1_000_000
    value = json.dumps({"type": "page_view", "lead_id": lead}).encode()
    topic = full_name(rig.prefix, PAGE_VIEWS)
    await producer.send_and_wait(topic, value, key=lead.encode(), timestamp_ms=now_ms)
    return now_ms


def alerts_of(read: TopicReader, lead: str) -> dict[str, dict[str, object]]:
    found = [json.loads(record.value) for record in read.records if record.key == lead.encode()]
    return {alert["play"]: alert for alert in found}


def tiers_of(read: TopicReader, lead: str) -> list[str]:
    """The tiers that the lead's records named, in their order: it is warm for less than half a second."""
    return [json.loads(record.value)["tier"] for record in read.records if record.key == lead.encode()]


async def test_scores_and_cools_by_the_clock(embedded_rig: Rig, tmp_path: Path) -> None:
    rig = embedded_rig
    grid = tmp_path / "grid.yml"
    grid.write_text(GRID.format(version=1, points=20))
    await rig.make_topics()
    worker = rig.worker("--score", grid=grid)
    worker.start()
    try:
        async with (
            producer_to(rig.bootstrap) as producer,
            rig.read(ALERTS) as alerts,
            rig.read(SCORES) as scores,
        ):
            at_ms = await view(producer, rig, "u-1")
            await scores.read_until(lambda read: "warm" in tiers_of(read, "u-1"))
            await alerts.read_until(lambda read: set(alerts_of(read, "u-1")) == {"warmed", "cooled"})
            cooled = alerts_of(alerts, "u-1")["cooled"]
            # 20 points fade to 15 in log2(20/15) half-lives of a second
            assert parse_time(str(cooled["at"])) - at_ms * 1_000 == pytest.approx(415_037, abs=1)
            await scores.read_until(lambda read: tiers_of(read, "u-1")[-1] == "cold")

            await producer.send_and_wait(full_name(rig.prefix, PAGE_VIEWS), b"{broken", key=b"u-1")
            async with rig.read(FAILED) as failed:
                await failed.read_until(lambda read: len(read.records) == 1)
                (dead,) = failed.records
            assert (dead.key, dead.value) == (b"u-1", b"{broken")
            assert dict(dead.headers)["errors.topic"] == full_name(rig.prefix, PAGE_VIEWS).encode()
            assert dict(dead.headers)["errors.offset"].isdigit()
            assert worker.stop() == 0
    finally:
        worker.end()


async def test_takes_a_changed_grid_if_it_is_right(embedded_rig: Rig, tmp_path: Path) -> None:
    rig = embedded_rig
    grid = tmp_path / "grid.yml"
    grid.write_text(GRID.format(version=1, points=20))
    await rig.make_topics()
    worker = rig.worker("--score", grid=grid)
    worker.start()
    try:
        worker.wait_for("scoring partitions")
        grid.write_text(GRID.format(version=2, points="many"))
        worker.wait_for("the changed grid is wrong, the old one stays in force")
        async with producer_to(rig.bootstrap) as producer, rig.read(SCORES) as scores:
            await view(producer, rig, "u-1")
            await scores.read_until(lambda read: read.latest().get("u-1", {}).get("version") == 1)
            grid.write_text(GRID.format(version=3, points=10))
            worker.wait_for("grid quick, version 3, is in force")
            await scores.read_until(lambda read: read.latest()["u-1"]["version"] == 3)
            assert worker.stop() == 0
    finally:
        worker.end()
