"""What the gateway shows of the requests that it answers: understood and refused, masked, best effort."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from scorer.topics import ARRIVALS, full_name
from tests.gateway_live import KEY, PARTITIONS, Live, eventually, live_gateway, running_broker

pytestmark = pytest.mark.embedded

EVENT = {
    "id": "e-1",
    "type": "page_view",
    "lead_id": "u-42-lovelace",
    "properties": {"url": "https://a.example/tarifs?email=ada@acme.example", "title": "Tarifs"},
    "context": {"ip": "192.0.2.7"},
}
CANARIES = (KEY, "ada@acme", "lovelace", "192.0.2.7", "sesame")


@asynccontextmanager
async def live_with_arrivals(address: str, **settings: Any) -> AsyncIterator[Live]:
    """A gateway that has seen the topic of arrivals."""
    async with live_gateway(address, **settings) as live:
        admin = AIOKafkaAdminClient(bootstrap_servers=address)
        await admin.start()
        topic = full_name(live.config.topic_prefix, ARRIVALS)
        await admin.create_topics([NewTopic(topic, PARTITIONS, 1)])
        await admin.close()
        await eventually(lambda: known(live, topic))
        yield live


@pytest.fixture
async def gateway() -> AsyncIterator[Live]:
    with running_broker() as broker:
        async with live_with_arrivals(broker.bootstrap) as live:
            yield live


async def known(live: Live, topic: str) -> bool:
    """Whether the gateway has seen the topic: it looks every two seconds."""
    await live.client.get("/v1/b")
    await asyncio.sleep(0.5)  # few are shown of many
    return bool(await live.landed((ARRIVALS,)))


async def shown(live: Live, count: int) -> list[dict[str, Any]]:
    """The newest arrivals, by the moment at which they came; but for what the fixture asked."""
    found: list[dict[str, Any]] = []

    async def complete() -> bool:
        records = await live.landed((ARRIVALS,))
        nonlocal found
        found = [told for one in records if (told := json.loads(one.value))["method"] != "GET"]
        return len(found) >= count

    await eventually(complete)
    assert len(found) == count
    return sorted(found, key=lambda told: told["at"])


async def test_what_came_what_was_understood_and_what_was_refused(gateway: Live) -> None:
    live = gateway
    await live.post([EVENT, {"type": "page_view"}], params={"token": "sesame", "page": "2"})
    await live.post(EVENT, key="wk-sesame")
    await live.post({"lead_id": "u-1"})
    segment = {"type": "track", "event": "Demo Requested", "userId": "u-lovelace", "writeKey": KEY}
    body = gzip.compress(json.dumps(segment).encode())
    await live.client.post(
        "/v1/t", content=body, headers={"Cookie": "sid=sesame", "X-Forwarded-For": "192.0.2.7"}
    )
    await live.client.post("/v1/evnets", content=b"{}")
    told = await shown(live, 5)
    found = {one["status"]: one for one in told if one["protocol"] == "events"}
    assert sorted(found) == [200, 400, 401]
    assert (found[200]["accepted"], found[200]["refused"], found[200]["key"]) == (1, 1, 1)
    assert found[200]["rejected"] == [
        {
            "index": 1,
            "error": "lead_id, anonymous_id: the event names nobody: expected at least one of the two",
        }
    ]
    (event,) = found[200]["events"]
    assert (event["type"], event["properties"]["title"]) == ("page_view", "Tarifs")
    assert found[200]["query"] == [["token", "•••"], ["page", "2"]]
    assert ["authorization", "•••"] in found[200]["headers"]
    assert ["content-type", "application/json"] in found[200]["headers"]
    assert found[401]["error"] == "the write key is not known here"
    assert (found[401]["body"], found[401]["events"]) == ("", [])
    assert "type: missing" in found[400]["rejected"][0]["error"]
    (track,) = [one for one in told if one["protocol"] == "segment"]
    assert (track["path"], track["status"], track["events"][0]["type"]) == ("/v1/t", 200, "demo_requested")
    assert '"Demo Requested"' in track["body"]
    (lost,) = [one for one in told if one["protocol"] is None]
    assert (lost["path"], lost["status"]) == ("/v1/evnets", 404)
    text = json.dumps(told, ensure_ascii=False)
    assert [canary for canary in CANARIES if canary in text] == []


async def test_nothing_is_shown_where_the_setting_or_the_topic_is_missing() -> None:
    with running_broker() as broker:
        async with live_gateway(broker.bootstrap) as live:
            assert (await live.post(EVENT)).status_code == 200
            assert await live.landed((ARRIVALS,)) == []
        async with live_gateway(broker.bootstrap, arrivals=False) as live:
            assert (await live.post(EVENT)).status_code == 200
            assert len(await live.events()) == 1


async def test_a_request_that_cannot_be_shown_is_answered_all_the_same(
    gateway: Live, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> bytes:
        raise ValueError("ada@acme.example")

    monkeypatch.setattr("connectors.ingest.arrivals._told", broken)
    assert (await gateway.post(EVENT)).status_code == 200
    assert "an arrival could not be shown: ValueError" in caplog.text
    assert "ada@" not in caplog.text


async def test_the_source_of_the_file_whose_key_it_was(tmp_path: Path) -> None:
    path = tmp_path / "sources.yml"
    path.write_text("crm: {keys: [wk_live_crm]}\n")
    with running_broker() as broker:
        async with live_with_arrivals(broker.bootstrap, sources=path) as live:
            for key in ("wk_live_crm", KEY, "wk_live_nobodys"):
                await live.post(EVENT, key=key)
            told = await shown(live, 3)
    assert [(one["source"], one["key"]) for one in told] == [
        ("crm", None),
        (None, 1),
        (None, None),
    ]
