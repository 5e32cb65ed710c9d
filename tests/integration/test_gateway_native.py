"""`POST /v1/events` on a real broker: what lands in the topics, and what is refused."""

import asyncio
import gzip
import json
import zlib
from collections.abc import AsyncIterator

import pytest
from aiokafka.partitioner import murmur2

from scorer.times import parse_time
from tests.gateway_live import KEY, PARTITIONS, Live, live_gateway, running_broker

pytestmark = pytest.mark.embedded

BEARER = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture
async def live() -> AsyncIterator[Live]:
    with running_broker() as broker:
        async with live_gateway(broker.bootstrap) as running:
            yield running


async def test_events_land_in_their_topics_under_their_keys(live: Live) -> None:
    live.clock.now = parse_time("2026-11-01T09:00:00.123456Z")
    answer = await live.post(
        [
            {"type": "page_view", "lead_id": "u-1", "anonymous_id": "a-1"},
            {"type": "email_open", "lead_id": "null", "anonymous_id": "a-é"},
            {"type": "download", "lead_id": "u-1"},
            {"type": "demo_requested", "lead_id": "u-2"},
            {"type": "identify", "lead_id": "u-1", "traits": {"title": "DG"}},
            {"type": "nps", "lead_id": "u-1", "properties": {"rating": 9}},
        ]
    )
    assert (answer.status_code, answer.json()) == (200, {"accepted": 6, "rejected": []})
    records = await live.landed()
    assert sorted((one.topic.rpartition(".")[2], one.key.decode()) for one in records) == [
        ("downloads", "u-1"),
        ("email-clicks", "a-é"),
        ("outcomes", "u-1"),
        ("page-views", "u-1"),
        ("profiles", "u-1"),
        ("signals", "u-2"),
    ]
    assert {one.timestamp for one in records} == {parse_time("2026-11-01T09:00:00.123Z") // 1000}
    assert all(one.partition == (murmur2(one.key) & 0x7FFFFFFF) % PARTITIONS for one in records)


async def test_an_event_with_an_id_lands_byte_for_byte_and_one_without_gets_one(live: Live) -> None:
    own = b'{ "id": "e-1",\t"type":"page_view","lead_id":"u-1","n":1e400,"more":{"\\u00e9":[null]} }'
    body = b"\n".join(
        [own, b'{"type":"page_view","lead_id":"u-2"}', b'{"id":null,"type":"page_view","lead_id":"u-3"}']
    )
    answer = await live.client.post("/v1/events", content=body, headers=BEARER)
    assert answer.json() == {"accepted": 3, "rejected": []}
    values = {one.key: one.value for one in await live.landed()}
    assert values[b"u-1"] == own
    ids = [json.loads(values[key])["id"] for key in (b"u-2", b"u-3")]
    assert all(isinstance(one, str) and len(one) == 32 for one in ids)
    assert ids[0] != ids[1]


async def test_the_bytes_decide_not_the_headers(live: Live) -> None:
    bodies = [
        b'{"type":"page_view","lead_id":"u"}',
        b'\xef\xbb\xbf [{"type":"page_view","lead_id":"u"}] ',
        b'{\n "type": "page_view",\n "lead_id": "u"\n}',
        b'{"type":"page_view","lead_id":"u"}\r\n\r\n',
    ]
    types = [{}, {"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"}]
    sent = [
        await live.client.post("/v1/events", content=pack(body), headers={**BEARER, **headers})
        for body in bodies
        for headers in types
        for pack in (bytes, gzip.compress, zlib.compress)
    ]
    assert {(answer.status_code, answer.json()["accepted"]) for answer in sent} == {(200, 1)}
    assert [event["lead_id"] for event in await live.events()] == ["u"] * len(sent)


async def test_one_bad_event_does_not_sink_a_batch(live: Live) -> None:
    good = [b'{"type":"page_view","lead_id":"u-%d"}' % number for number in range(93)]
    bad = [
        b'{"type":"Page View","lead_id":"u"}',
        b'{"lead_id":"u"}',
        b'{"type":"page_view","lead_id":"undefined","anonymous_id":""}',
        b'{"type":"page_view","lead_id":["u"]}',
        b'{"type":"page_view","lead_id":"u","time":"yesterday"}',
        b'{"type":"page_view","lead_id":"\xff"}',
        b'{"type":"page_view","lead_id":"u","filler":"%s"}' % (b"x" * 32_000),
        b"[]",
        b"null",
        b'"text"',
    ]
    answer = await live.client.post(
        "/v1/events", content=b"[" + b",".join([*bad, *good]) + b"]", headers=BEARER
    )
    assert answer.status_code == 200
    assert answer.json()["accepted"] == 93
    assert [one["index"] for one in answer.json()["rejected"]] == list(range(10))
    assert all(one["error"] for one in answer.json()["rejected"])
    assert len(await live.events()) == 93


@pytest.mark.parametrize("bad", [rb'"caf\ud83d"', b"NaN", b"[" * 9_000 + b"]" * 9_000])
async def test_a_value_that_is_not_well_formed_spoils_its_event_only(live: Live, bad: bytes) -> None:
    first = b'{"type":"page_view","lead_id":"u-1","properties":{"title":%s}}' % bad
    body = b'[%s,{"type":"page_view","lead_id":"h\xc3\xa9"}]' % first
    answer = await live.client.post("/v1/events", content=body, headers=BEARER)
    assert (answer.status_code, answer.json()["accepted"]) == (200, 1)
    assert [one["index"] for one in answer.json()["rejected"]] == [0]
    assert [event["lead_id"] for event in await live.events()] == ["hé"]
    assert (await live.client.post("/v1/events", content=first, headers=BEARER)).status_code == 400


async def test_a_broken_line_is_rejected_alone(live: Live) -> None:
    lines = b'{"type":"page_view","lead_id":"u-1"}\n{"type":"page_v\n\n{"type":"page_view","lead_id":"u-2"}'
    answer = await live.client.post("/v1/events", content=lines, headers=BEARER)
    assert answer.json()["accepted"] == 2
    assert [one["index"] for one in answer.json()["rejected"]] == [1]


async def test_two_thousand_events_in_one_request_are_all_there(live: Live) -> None:
    events = [{"id": str(n), "type": "page_view", "lead_id": f"u-{n % 50}"} for n in range(2_000)]
    answers = await asyncio.gather(*(live.post(events[start::4]) for start in range(4)))
    assert [answer.json()["accepted"] for answer in answers] == [500] * 4
    assert {event["id"] for event in await live.events()} == {event["id"] for event in events}


async def test_what_the_broker_finds_too_large_harms_nobody_else(live: Live) -> None:
    async with live_gateway(live.config.kafka, max_event_bytes=2_000_000, max_body_bytes=2_000_000) as wide:
        answer = await wide.post({"type": "page_view", "lead_id": "u", "filler": "x" * 1_500_000})
        assert answer.status_code == 413
        assert (await wide.client.get("/readyz")).status_code == 200
        assert (await wide.post({"type": "page_view", "lead_id": "u"})).status_code == 200


async def test_too_large_requests_and_events(live: Live) -> None:
    small = {"type": "page_view", "lead_id": "u"}
    large = {**small, "filler": "x" * 32_000}
    assert (await live.post(large)).status_code == 413
    assert (await live.post([large, large])).status_code == 413
    assert (await live.post([large, small])).json()["accepted"] == 1
    over = b"[" + b" " * 1_000_000 + b"]"
    far_over = b"[" + b" " * 9_000_000 + b"]"
    for body in (over, gzip.compress(over), far_over):
        answer = await live.client.post("/v1/events", content=body, headers=BEARER)
        assert (answer.status_code, "1000000 bytes" in answer.json()["error"]) == (413, True)


async def test_too_fast_is_told_when_to_come_back(live: Live) -> None:
    async with live_gateway(live.config.kafka, requests_per_second=2.0) as slow:
        answers = [await slow.post({"type": "page_view", "lead_id": "u"}) for _ in range(20)]
        refused = [one for one in answers if one.status_code == 429]
        assert {one.status_code for one in answers} == {200, 429}
        assert all(int(one.headers["Retry-After"]) >= 1 for one in refused)
        taken = sum(one.status_code == 200 for one in answers)
        assert len(await slow.events()) == taken
