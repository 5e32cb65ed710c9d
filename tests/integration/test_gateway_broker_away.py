"""The gateway while the broker is away: quick refusals, never a false yes, and back to work by itself."""

import asyncio
import signal

import pytest

from tests.gateway_live import Broker, Live, broker_answers, eventually, live_gateway, running_broker

pytestmark = pytest.mark.embedded

EVENT = {"id": "e-1", "type": "page_view", "lead_id": "u-1"}


async def _refused(live: Live) -> None:
    answer = await live.post(EVENT)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1
    assert "error" in answer.json()


async def _accepted(live: Live) -> bool:
    return (await live.post(EVENT)).status_code == 200


async def test_starts_without_a_broker_and_works_once_there_is_one() -> None:
    broker = Broker()
    try:
        async with live_gateway(broker, topics=False) as live:
            assert (await live.client.get("/readyz")).status_code == 503
            assert (await live.client.get("/healthz")).status_code == 200
            await _refused(live)
            await broker.start()
            await broker.create_topics(live.config.topic_prefix)
            await eventually(lambda: _accepted(live))
            assert (await live.client.get("/readyz")).status_code == 200
            assert {event["id"] for event in await live.events()} == {"e-1"}
    finally:
        await broker.stop()


async def test_a_broker_that_dies_and_comes_back() -> None:
    async with running_broker() as broker, live_gateway(broker, delivery_timeout_s=2.0) as live:
        assert await _accepted(live)
        await broker.stop()
        await _refused(live)
        await _refused(live)
        assert (await live.client.get("/readyz")).status_code == 503
        await broker.start()
        await eventually(lambda: broker_answers(broker.address))
        await broker.create_topics(live.config.topic_prefix)
        await eventually(lambda: _accepted(live))
        assert len(await live.events()) >= 1


async def test_a_broker_that_hangs_costs_one_deadline_and_bounded_memory() -> None:
    async with (
        running_broker() as broker,
        live_gateway(broker, delivery_timeout_s=1.0, max_pending_bytes=5_000) as live,
    ):
        assert await _accepted(live)
        broker.signal(signal.SIGSTOP)
        answers = await asyncio.gather(*(live.post({**EVENT, "filler": "x" * 1_000}) for _ in range(50)))
        assert {answer.status_code for answer in answers} == {503}
        assert any("too much" in answer.text for answer in answers)
        broker.signal(signal.SIGCONT)
        await eventually(lambda: _accepted(live))


async def test_stops_while_the_broker_hangs() -> None:
    async with running_broker() as broker:
        async with live_gateway(broker, delivery_timeout_s=1.0) as live:
            assert await _accepted(live)
            broker.signal(signal.SIGSTOP)
            await _refused(live)
        assert not await _reachable(live)


async def _reachable(live: Live) -> bool:
    try:
        await asyncio.open_connection(live.client.base_url.host, live.client.base_url.port)
    except OSError:
        return False
    return True


async def test_topics_that_are_missing_are_no_yes() -> None:
    async with running_broker() as broker, live_gateway(broker, delivery_timeout_s=1.0) as live:
        async with live_gateway(broker, topics=False, delivery_timeout_s=1.0, topic_prefix="none") as bare:
            await eventually(lambda: _ready(bare))
            answer = await bare.post(EVENT)
        assert answer.status_code in (200, 503)  # a broker that makes topics by itself may say yes
        assert (answer.status_code == 200) == await _has_topic(live, "none.page-views")


async def _ready(live: Live) -> bool:
    return (await live.client.get("/readyz")).status_code == 200


async def _has_topic(live: Live, name: str) -> bool:
    from aiokafka.admin import AIOKafkaAdminClient

    admin = AIOKafkaAdminClient(bootstrap_servers=live.broker.address)
    await admin.start()
    try:
        return name in await admin.list_topics()
    finally:
        await admin.close()
