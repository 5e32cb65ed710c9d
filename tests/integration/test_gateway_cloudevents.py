"""CloudEvents to the gateway, as their own library for Python writes them."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent

from tests.gateway_live import KEY, Live, live_gateway, running_broker

pytestmark = pytest.mark.embedded

BEARER = {"Authorization": f"Bearer {KEY}"}
ATTRIBUTES = {"id": "7", "source": "/crm", "type": "com.acme.DemoRequested.v1", "subject": "u-é"}


@pytest.fixture
async def live() -> AsyncIterator[Live]:
    with running_broker() as broker:
        async with live_gateway(broker.bootstrap) as running:
            yield running


async def _send(live: Live, path: str, headers: Mapping[str, str], body: Any) -> tuple[int, Any]:
    answer = await live.client.post(path, headers={**BEARER, **headers}, content=body)
    return answer.status_code, answer.json()


@pytest.mark.parametrize("path", ["/v1/events", "/v1/cloudevents"])
async def test_each_mode_tells_the_same(live: Live, path: str) -> None:
    one = CloudEvent(attributes=dict(ATTRIBUTES), data={"plan": "pro"})
    for message in (to_binary_event(one), to_structured_event(one)):
        assert await _send(live, path, message.headers, message.body) == (
            200,
            {"accepted": 1, "rejected": []},
        )
    batch = [{"specversion": "1.0", **ATTRIBUTES, "data": {"plan": "pro"}}, {"specversion": "1.0", "id": "8"}]
    status, told = await _send(
        live, path, {"Content-Type": "application/cloudevents-batch+json"}, json.dumps(batch)
    )
    assert (status, told["accepted"], [one["index"] for one in told["rejected"]]) == (200, 1, [1])
    events = await live.events()
    assert len(events) == 3
    assert {json.dumps({**event, "time": "", "context": {}}, sort_keys=True) for event in events} == {
        json.dumps(
            {
                "//topic": "signals",
                "context": {},
                "id": "/crm 7",
                "lead_id": "u-é",
                "properties": {"plan": "pro", "event": ATTRIBUTES["type"]},
                "time": "",
                "type": "demo_requested",
            },
            sort_keys=True,
        )
    }


async def test_refusals(live: Live) -> None:
    structured = {"Content-Type": "application/cloudevents+json"}
    status, told = await _send(live, "/v1/cloudevents", structured, '{"specversion":"1.0"}')
    assert (status, told["accepted"], told["error"][:6]) == (400, 0, "source")
    assert (await _send(live, "/v1/cloudevents", structured, "{"))[0] == 400
    assert (await _send(live, "/v1/cloudevents", structured, "[]"))[0] == 400
    assert (await live.client.post("/v1/cloudevents", json={})).status_code == 401
    large = json.dumps({"specversion": "1.0", **ATTRIBUTES, "data": {"filler": "x" * 40_000}})
    assert (await _send(live, "/v1/cloudevents", structured, large))[0] == 413
    assert await live.landed() == []


async def test_a_producer_asks_before_it_sends(live: Live) -> None:
    asked = {"WebHook-Request-Origin": "events.acme.test"}
    answer = await live.client.options("/v1/cloudevents", headers=asked)
    assert answer.headers["WebHook-Allowed-Origin"] == "events.acme.test"
