"""What the read API says of itself: clock, and how far facts are counted, on a real broker and store."""

import json
import time
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from scorer.times import DAY, SECOND, Micros, format_time, micros
from scorer.timescale import Timescale
from tests.serve_live import PARTITIONS, START, Scored, Store, eventually, page_view, reading
from tests.serve_sse import following

pytest_plugins = ["tests.serve_fixtures"]
pytestmark = pytest.mark.embedded


async def test_leads_are_counted_by_tier(topics: Scored, serve_store: Store, serve_grid: Path) -> None:
    async with reading(topics, serve_store, serve_grid) as api:
        await topics.publish(
            *(page_view(number, lead_id="u-1") for number in range(4)), page_view(9, lead_id="u-2")
        )
        await api.caught_up(topics)
        status = await api.get("/v1/status")
        assert status == {
            "grid": "tests",
            "version": 1,
            "leads": {"cold": 1, "warm": 1, "hot": 0},
            "catching_up": None,
            "rebuilding": False,
            "now": "2026-11-01T09:00:00Z",
            "wall_now": "2026-11-01T09:00:00Z",
            "rate": 1.0,
            "meets": None,
        }


async def test_it_says_how_far_facts_are_counted_while_the_scoring_is_behind(
    topics: Scored, serve_store: Store, serve_grid: Path
) -> None:
    group = f"{topics.prefix}.scoring"

    async def commit() -> None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=topics.bootstrap, group_id=group, enable_auto_commit=False
        )
        await consumer.start()
        parts = [TopicPartition(f"{topics.prefix}.page-views", number) for number in range(PARTITIONS)]
        consumer.assign(parts)
        await consumer.commit({part: topics.ends.get(f"page-views:{part.partition}", 0) for part in parts})
        await consumer.stop()

    async with reading(topics, serve_store, serve_grid, scoring_group=group) as api:
        await topics.publish(page_view(1, lead_id="u-1"))
        await commit()
        topics.clock.pass_seconds(60)
        late = json.dumps(page_view(2, lead_id="u-1")).encode()
        await topics.send("page-views", b"u-1", late, topics.clock.now)
        await api.caught_up(topics)

        async def behind() -> bool:
            return (await api.get("/v1/status"))["catching_up"] == {"counted_to": format_time(START)}

        async def caught_up() -> bool:
            return (await api.get("/v1/status"))["catching_up"] is None

        await eventually(behind)
        async with following(api.client) as stream:
            (state,) = await stream.until("state")
            assert state.data["catching_up"] == {"counted_to": format_time(START)}
            await commit()
            (state,) = await stream.until("state")
            assert state.data == {"catching_up": None, "rebuilding": False}
        await eventually(caught_up)


async def test_a_demo_tells_its_clock(topics: Scored, serve_store: Store, serve_grid: Path) -> None:
    wall = micros(time.time())
    scale = Timescale(Micros(wall - 3_600 * SECOND), Micros(wall + 3_600 * SECOND), Micros(wall - 30 * DAY))
    async with (
        reading(topics, serve_store, serve_grid, timescale=scale) as api,
        following(api.client) as stream,
    ):
        hello = await stream.next()
        assert hello.data["rate"] == scale.rate
        assert hello.data["meets"] == format_time(scale.meets)
        assert hello.data["now"] == format_time(START)
