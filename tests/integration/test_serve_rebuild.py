"""The cache, emptied, restarted or handed over: everything shows the same again, and never a false zero."""

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest

from scorer.times import SECOND
from tests.kafka_fixtures import EmbeddedBroker
from tests.serve_live import Reading, Scored, Store, eventually, identify, page_view, reading

pytest_plugins = ["tests.serve_fixtures"]
pytestmark = pytest.mark.embedded
_PATHS = (
    "/v1/leads?limit=500",
    "/v1/leads?sort=name",
    "/v1/leads?sort=recent",
    "/v1/leads?sort=cools",
    "/v1/leads?q=acme",
    "/v1/leads/u-1",
    "/v1/leads/a-1",
    "/v1/leads/u-2",
    "/v1/leads/u-1/timeline",
    "/v1/leads/u-1/curve",
    "/v1/accounts/acme.fr",
    "/v1/alerts",
    "/v1/status",
)


async def story(topics: Scored, api: Reading) -> None:
    """Some leads, one of them told by two browsers, an alert and its answer."""
    await topics.publish(
        page_view(1, anonymous_id="a-1"),
        page_view(2, anonymous_id="a-2", path="/blog"),
        identify(3, "u-1", "a-1", title="CEO", email="anne@acme.fr", company="Acme"),
        identify(4, "u-1", "a-2"),
        page_view(5, lead_id="u-2"),
        identify(6, "u-2", email="bob@acme.fr"),
        {"id": "d1", "type": "download", "lead_id": "u-2", "properties": {"asset": "guide.pdf"}},
        {"id": "o1", "type": "email_open", "lead_id": "u-2", "context": {"channel": "newsletter"}},
    )
    await api.caught_up(topics)
    (alert,) = (await api.get("/v1/alerts"))["alerts"]
    answer = await api.client.post(
        f"/v1/alerts/{alert['id']}/answer", json={"answer": "accepted", "by": "Ines"}
    )
    assert answer.status_code == 200
    await topics.send(
        "parked", alert["id"].encode(), b'{"channel": "sales", "reason": "410 Gone"}', topics.clock.now
    )

    async def shown() -> bool:
        one = (await api.get("/v1/alerts"))["alerts"][0]
        return one["answer"] is not None and one["deliveries"] != []

    await eventually(shown)


async def everything(api: Reading) -> dict[str, Any]:
    return {path: await api.get(path) for path in _PATHS}


async def settled(api: Reading) -> None:
    async def whole() -> bool:
        return (await api.client.get("/readyz")).status_code == 200

    await eventually(whole)


async def test_an_emptied_store_shows_the_same_after_the_rebuild(
    api: Reading, topics: Scored, serve_store: Store
) -> None:
    await story(topics, api)
    before = await everything(api)
    assert before["/v1/leads/u-1"]["owner"] == "Ines"
    assert before["/v1/leads/u-2"]["channel"] == "newsletter"
    refused: set[str] = set()

    async def ask(path: str) -> None:
        answer = await api.client.get(path)
        while answer.status_code == 503:
            refused.add(path)
            assert answer.headers["retry-after"] == "1"
            answer = await api.client.get(path)
        assert answer.status_code == 200, answer.text
        assert answer.json() == before[path]

    serve_store.client().flushall()
    assert (await api.client.get("/readyz")).status_code == 503
    await asyncio.gather(*(ask(path) for path in _PATHS if path != "/v1/status"))
    assert refused
    assert await everything(api) == before


async def test_a_store_that_restarts_empty_shows_the_same(
    api: Reading, topics: Scored, serve_store: Store
) -> None:
    await story(topics, api)
    before = await everything(api)
    serve_store.kill()
    answer = await api.client.get("/v1/leads")
    assert answer.status_code == 503
    assert (await api.client.get("/healthz")).status_code == 200
    assert (await api.client.get("/readyz")).status_code == 503
    serve_store.start()
    await settled(api)
    assert await everything(api) == before


async def test_a_restarted_server_goes_on_where_the_cache_stands(
    topics: Scored, serve_store: Store, serve_grid: Path
) -> None:
    async with reading(topics, serve_store, serve_grid) as first:
        await story(topics, first)
        before = await everything(first)
        built = serve_store.client().get(f"{topics.prefix}:built")
    async with reading(topics, serve_store, serve_grid) as second:
        await settled(second)
        assert await everything(second) == before
        assert serve_store.client().get(f"{topics.prefix}:built") == built
        await topics.publish(page_view(9, lead_id="u-2"))
        await second.caught_up(topics)
        assert (await second.get("/v1/leads/u-2"))["score"] == 28.0


async def test_of_two_servers_one_fills_the_cache_and_the_other_takes_over(
    topics: Scored, serve_store: Store, serve_grid: Path
) -> None:
    async with reading(topics, serve_store, serve_grid) as second:
        async with reading(topics, serve_store, serve_grid) as first:
            await story(topics, first)
            before = await everything(first)
            assert await everything(second) == before
            offsets = serve_store.client().hgetall(f"{topics.prefix}:offsets")
        await topics.publish(page_view(9, lead_id="u-2"))
        await second.caught_up(topics)
        assert (await second.get("/v1/leads/u-2"))["score"] == 28.0
        assert serve_store.client().hgetall(f"{topics.prefix}:offsets") != offsets


async def test_topics_that_are_missing_are_told(
    serve_broker: EmbeddedBroker, topics: Scored, serve_store: Store, serve_grid: Path
) -> None:
    async with reading(topics, serve_store, serve_grid, topic_prefix="nowhere") as api:

        async def told() -> bool:
            answer = await api.client.get("/readyz")
            return answer.status_code == 503 and "topics are missing" in answer.json()["reason"]

        await eventually(told)
        assert (await api.client.get("/v1/leads")).status_code == 503


async def test_a_log_that_began_anew_begins_a_new_cache(
    topics: Scored, serve_store: Store, serve_grid: Path
) -> None:
    async with reading(topics, serve_store, serve_grid) as api:
        await story(topics, api)
    cache = serve_store.client()
    cache.hset(f"{topics.prefix}:offsets", "scores:0", 1_000)
    cache.hset(f"{topics.prefix}:records", "u-old", cache.hget(f"{topics.prefix}:records", "u-1"))
    async with reading(topics, serve_store, serve_grid) as api:

        async def anew() -> bool:
            return int(cache.hget(f"{topics.prefix}:offsets", "scores:0") or 1_000) < 1_000

        await eventually(anew)
        await settled(api)
        assert (await api.client.get("/v1/leads/u-old")).status_code == 404
        assert (await api.get("/v1/leads/u-1"))["lead_id"] == "u-1"


async def test_an_answer_while_the_broker_hangs_is_refused_and_may_be_sent_again(
    api: Reading, topics: Scored, serve_broker: EmbeddedBroker
) -> None:
    await story(topics, api)
    (alert,) = (await api.get("/v1/alerts"))["alerts"]
    process = serve_broker._process
    assert process is not None
    process.send_signal(signal.SIGSTOP)
    try:
        answer = await api.client.post(f"/v1/alerts/{alert['id']}/answer", json={"answer": "wrong"})
    finally:
        process.send_signal(signal.SIGCONT)
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    again = await api.client.post(f"/v1/alerts/{alert['id']}/answer", json={"answer": "wrong"})
    assert again.status_code == 200


async def test_a_partition_is_read_in_its_order_whatever_its_moments_say(
    topics: Scored, serve_store: Store, serve_grid: Path
) -> None:
    await topics.publish(page_view(1, anonymous_id="a-1"))
    await topics.send("scores", b"a-1", None, topics.clock.now - 60 * SECOND)
    async with reading(topics, serve_store, serve_grid) as api:
        await api.caught_up(topics)
        assert (await api.client.get("/v1/leads/a-1")).status_code == 404
