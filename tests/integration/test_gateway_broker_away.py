"""The gateway while the broker is away: quick refusals, never a false yes, and back to work by itself."""

import asyncio
import signal
from collections.abc import Iterator

import pytest

from tests.gateway_live import (
    Broker,
    Live,
    broker_answers,
    create_topics,
    eventually,
    live_gateway,
    running_broker,
)

pytestmark = pytest.mark.embedded

EVENT = {"id": "e-1", "type": "page_view", "lead_id": "u-1"}


@pytest.fixture
def broker() -> Iterator[Broker]:
    with running_broker() as running:
        yield running


async def _refused(live: Live) -> None:
    answer = await live.post(EVENT)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1
    assert "error" in answer.json()


async def _accepted(live: Live) -> bool:
    return (await live.post(EVENT)).status_code == 200


async def _ready(live: Live) -> bool:
    return (await live.client.get("/readyz")).status_code == 200


async def _reachable(live: Live) -> bool:
    try:
        await asyncio.open_connection(live.client.base_url.host, live.client.base_url.port)
    except OSError:
        return False
    return True


async def test_starts_without_a_broker_and_works_once_there_is_one(broker: Broker) -> None:
    broker.kill()
    async with live_gateway(broker.bootstrap, topics=False) as live:
        assert not await _ready(live)
        assert (await live.client.get("/healthz")).status_code == 200
        await _refused(live)
        broker.start()
        await create_topics(broker.bootstrap, live.config.topic_prefix)
        await eventually(lambda: _accepted(live))
        assert await _ready(live)
        assert {event["id"] for event in await live.events()} == {"e-1"}


async def test_a_broker_that_dies_and_comes_back(broker: Broker) -> None:
    async with live_gateway(broker.bootstrap, delivery_timeout_s=2.0) as live:
        assert await _accepted(live)
        broker.kill()
        await _refused(live)
        await _refused(live)
        assert not await _ready(live)
        broker.start()
        await eventually(lambda: broker_answers(broker.bootstrap))
        await create_topics(broker.bootstrap, live.config.topic_prefix)
        await eventually(lambda: _accepted(live))
        assert {event["id"] for event in await live.events()} == {"e-1"}


async def test_an_idle_gateway_notices_too(broker: Broker) -> None:
    async with live_gateway(broker.bootstrap) as live:
        broker.kill()

        async def unready() -> bool:
            return not await _ready(live)

        await eventually(unready)
        broker.start()
        await eventually(lambda: _ready(live))


async def test_a_broker_that_hangs_costs_one_deadline_and_bounded_memory(broker: Broker) -> None:
    async with live_gateway(broker.bootstrap, delivery_timeout_s=1.0, max_pending_bytes=5_000) as live:
        assert await _accepted(live)
        broker.signal(signal.SIGSTOP)
        answers = await asyncio.gather(*(live.post({**EVENT, "filler": "x" * 1_000}) for _ in range(50)))
        assert {answer.status_code for answer in answers} == {503}
        assert any("too much" in answer.text for answer in answers)
        broker.signal(signal.SIGCONT)
        await eventually(lambda: _accepted(live))


async def test_stops_while_the_broker_hangs(broker: Broker) -> None:
    async with live_gateway(broker.bootstrap, delivery_timeout_s=1.0) as live:
        assert await _accepted(live)
        broker.signal(signal.SIGSTOP)
        await _refused(live)
    assert not await _reachable(live)


async def test_requests_under_way_are_finished_before_a_stop(broker: Broker) -> None:
    async with live_gateway(broker.bootstrap, linger_ms=1_000) as live:
        waiting = [asyncio.create_task(live.post({**EVENT, "id": f"e-{n}"})) for n in range(5)]
        await eventually(lambda: len(live.server.server_state.tasks) == 5)
        live.server.should_exit = True
        answers = await asyncio.gather(*waiting)
        assert {answer.status_code for answer in answers} == {200}
        assert {event["id"] for event in await live.events()} == {f"e-{n}" for n in range(5)}


async def test_topics_that_are_missing_are_no_false_yes(broker: Broker) -> None:
    async with live_gateway(broker.bootstrap, topics=False, delivery_timeout_s=1.0) as live:
        await eventually(lambda: _ready(live))
        answer = await live.post(EVENT)
        if answer.status_code == 200:  # a broker that makes topics by itself may say yes
            assert {event["id"] for event in await live.events()} == {"e-1"}
        else:
            assert answer.status_code == 503


async def test_too_many_at_once_are_refused_at_once_and_the_others_are_not_lost(broker: Broker) -> None:
    async with live_gateway(broker.bootstrap, requests_at_once=3, delivery_timeout_s=30.0) as live:
        assert await _accepted(live)
        broker.signal(signal.SIGSTOP)
        waiting = [asyncio.create_task(live.post({**EVENT, "id": f"w-{number}"})) for number in range(3)]
        done, _ = await asyncio.wait(waiting, timeout=0.5)
        assert not done
        await _refused(live)
        assert "at once" in (await live.post(EVENT)).json()["error"]
        broker.signal(signal.SIGCONT)
        assert [(await one).status_code for one in waiting] == [200, 200, 200]
        assert await _accepted(live)
        assert {f"w-{number}" for number in range(3)} <= {one["id"] for one in await live.events()}
