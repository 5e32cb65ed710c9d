"""Erased people go from the cache and stay out of it, however it is filled; nobody else does."""

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.serve.broadcast import Broadcast
from connectors.serve.cache import Cache
from connectors.serve.desk import Desk
from connectors.serve.histories import Histories
from connectors.serve.scoring import Scoring
from connectors.serve.views import records_of
from scorer.blocks import Hasher
from scorer.erasure import Notice
from scorer.handover import Allow, Erase
from scorer.times import format_time
from scorer.topics import ERASURES, PAGE_VIEWS, full_name
from tests.integration.test_serve_rebuild import story
from tests.serve_live import Reading, Scored, Store, eventually, identify, page_view, reading

pytest_plugins = ["tests.serve_fixtures"]
pytestmark = pytest.mark.embedded
MARKS = ("u-1", "a-1", "a-2", "anne@", "Page /blog")


def everything(cache: Store) -> str:
    """All that the store holds, as one text."""
    redis: Any = cache.client()
    found: list[Any] = []
    for name in redis.scan_iter():
        read = {
            "string": lambda name: redis.get(name),
            "hash": lambda name: redis.hgetall(name),
            "zset": lambda name: redis.zrange(name, 0, -1),
            "set": lambda name: redis.smembers(name),
            "stream": lambda name: redis.xrange(name),
        }[redis.type(name)]
        found.append((name, read(name)))
    return repr(found)


def marks(cache: Store) -> list[str]:
    held = everything(cache)
    return [mark for mark in MARKS if mark in held]


async def test_an_erased_lead_leaves_nothing_and_does_not_come_back(
    topics: Scored, api: Reading, serve_store: Store
) -> None:
    await story(topics, api)
    other = await api.get("/v1/leads/u-2/timeline")
    assert marks(serve_store) == list(MARKS)
    topics.clock.pass_seconds(10)
    await topics.order("u-1", Erase(["u-1"]))
    await api.caught_up(topics)
    for path in ("/v1/leads/u-1", "/v1/leads/a-1", "/v1/leads/u-1/timeline"):
        assert (await api.client.get(path)).status_code == 404
    assert (await api.get("/v1/alerts"))["alerts"] == []
    assert [one["lead_id"] for one in (await api.get("/v1/leads?q=acme"))["leads"]] == ["u-2"]
    await eventually(lambda: marks(serve_store) == [])

    serve_store.client().flushall()  # built anew from topics that hold it all yet
    await api.caught_up(topics)
    await topics.publish(page_view(7, anonymous_id="a-1"), identify(8, "u-1", "a-1", email="anne@acme.fr"))
    await api.caught_up(topics)
    await eventually(lambda: marks(serve_store) == [])
    assert (await api.client.get("/v1/leads/u-1")).status_code == 404
    after = await api.get("/v1/leads/u-2/timeline")
    assert [event["id"] for event in after["events"]] == [event["id"] for event in other["events"]]


async def test_who_was_away_sweeps_by_the_list_alone(
    topics: Scored, api: Reading, serve_store: Store
) -> None:
    await story(topics, api)
    topics.clock.pass_seconds(10)
    await topics.order("u-1", Erase(["u-1"]))
    await api.caught_up(topics)
    redis: Any = serve_store.client()
    prefix = topics.prefix
    # As one that was away while Kafka removed the deletions: it holds what no record names any more.
    redis.zadd(f"{prefix}:events:u-1", {'1|page-views/0/0\n{"type": "page_view", "lead_id": "u-1"}': 1})
    redis.hset(f"{prefix}:alerts", "gone", '{"id": "gone", "lead_id": "a-1"}')
    redis.delete(f"{prefix}:swept", f"{prefix}:lease")  # another process takes over
    await eventually(lambda: marks(serve_store) == [])


async def test_what_an_erased_user_of_a_shared_computer_did_is_not_the_next_ones(
    topics: Scored, api: Reading, serve_store: Store
) -> None:
    await topics.publish(page_view(1, anonymous_id="shared", path="/secret"))
    await topics.publish(identify(2, "u-1", "shared", email="anne@acme.fr"))
    topics.clock.pass_seconds(60)
    await topics.publish(identify(3, "u-2", "shared"), page_view(4, anonymous_id="shared", path="/mine"))
    await api.caught_up(topics)
    topics.clock.pass_seconds(60)
    await topics.order("u-1", Erase(["u-1"]))
    await api.caught_up(topics)
    assert "/secret" not in everything(serve_store)

    async def shown() -> str:
        return str(await api.get("/v1/leads/u-2/timeline"))

    assert "/mine" in (live := await shown())
    assert "/secret" not in live
    serve_store.client().flushall()
    await api.caught_up(topics)
    assert "/mine" in (built := await shown())
    assert "/secret" not in built


async def test_an_id_that_may_come_again_is_shown_with_what_is_new(topics: Scored, api: Reading) -> None:
    await story(topics, api)
    topics.clock.pass_seconds(10)
    await topics.order("u-1", Erase(["u-1"]))
    topics.clock.pass_seconds(10)
    await topics.order("u-1", Allow())
    topics.clock.pass_seconds(10)
    await topics.publish(page_view(9, lead_id="u-1", path="/back"))
    await api.caught_up(topics)
    events = (await api.get("/v1/leads/u-1/timeline"))["events"]
    assert [event["id"] for event in events] == ["v9"]


async def test_a_cache_built_anew_knows_the_list_before_it_reads_events(
    topics: Scored, serve_store: Store, serve_grid: Path
) -> None:
    """Long after an erasure no score record tells of it any more: the list alone does."""
    now = topics.clock.now
    event = {"id": "1", "type": "page_view", "lead_id": "u-1"}
    await topics.send(PAGE_VIEWS, b"u-1", json.dumps(event).encode(), now)
    notice = msgspec.json.encode(Notice(format_time(now)))
    listed = full_name(topics.prefix, ERASURES)
    for number in range(5_000):
        await topics.producer.send(listed, notice, Hasher().hash(f"x-{number}").hex().encode(), 0)
    last = await topics.producer.send_and_wait(listed, notice, Hasher().hash("u-1").hex().encode(), 0)
    topics.ends["erasures:0"] = last.offset + 1
    async with reading(topics, serve_store, serve_grid) as api:
        await api.caught_up(topics)
        assert marks(serve_store) == []


async def test_what_is_kept_in_memory_goes_too(topics: Scored, api: Reading, serve_grid: Path) -> None:
    await story(topics, api)
    cache = Cache(api.config.redis, api.config.topic_prefix)
    desk = Desk(api.config, cache, Scoring(serve_grid))
    histories, broadcast = Histories(desk), Broadcast(desk)
    following = asyncio.create_task(broadcast.run())
    try:
        records = list((await records_of(desk, ["u-1", "u-2"])).values())
        await histories.sparks(records, [dict(record) for record in records], topics.clock.now)
        assert set(histories._kept) == {"u-1", "u-2"}
        await eventually(lambda: broadcast._after != "0-0")
        topics.clock.pass_seconds(10)
        await topics.order("u-1", Erase(["u-1"]))
        await eventually(lambda: set(histories._kept) == {"u-2"})
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await cache.close()
