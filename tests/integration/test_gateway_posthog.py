"""PostHog's protocol: captured requests sent again byte for byte, and what no capture has."""

import base64
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from scorer.times import format_time, parse_time
from scorer.topics import FAILED
from tests.gateway_live import CAPTURES, KEY, Live, live_gateway, running_broker
from tests.tracker_replay import Answer, Captured, captured, send

pytestmark = pytest.mark.embedded

KEYS = (KEY, "posthog:phc_demo", "posthog:phc_other", "matomo:7", "segment:wk_page")
PERSON = "a7c5e1f0-6f3b-4b0e-9f55-2d3a1c9b7e10"
EVENT = {"event": "Demo Requested", "distinct_id": "u-1", "uuid": "e-1"}


@pytest.fixture
async def live() -> AsyncIterator[Live]:
    with running_broker() as broker:
        async with live_gateway(broker.bootstrap, write_keys=KEYS) as running:
            yield running


async def _replay(live: Live, name: str) -> list[tuple[Captured, Answer]]:
    path = CAPTURES / "trackers" / name
    if not path.is_file():
        pytest.skip("the captures are not on this machine: set LEADHEAT_CAPTURES")
    answers = []
    for request in captured(path):
        live.clock.now = request.received
        answers.append((request, await send(live.url, request.wire)))
    return answers


def _short(event: dict[str, Any]) -> tuple[Any, ...]:
    properties = event.get("properties", {})
    named = properties.get("asset") or properties.get("email_id") or properties.get("previous_id")
    page = properties.get("url", "").partition("?")[0].rpartition("/")[2]
    return event["//topic"], event["type"], event.get("lead_id"), event.get("anonymous_id"), named or page


def _batch(*events: Any, **more: Any) -> dict[str, Any]:
    return {"api_key": "phc_demo", "batch": events, **more}


async def test_what_the_python_library_sent(live: Live) -> None:
    answers = await _replay(live, "posthog-python.jsonl")
    assert {(answer.status, answer.body) for _, answer in answers} == {(200, b'{"status":1}')}
    session = [
        ("page-views", "page_view", None, PERSON, "lead-scoring"),
        ("page-views", "page_view", None, PERSON, "tarifs"),
        ("page-views", "page_time", None, PERSON, "tarifs"),
        ("page-views", "page_view", None, PERSON, "tarifs"),
        ("downloads", "download", None, PERSON, "livre-blanc-lead-scoring.pdf"),
        ("profiles", "identify", "u_10423", PERSON, ""),
        ("profiles", "alias", "u_10423", None, PERSON),
        ("profiles", "identify", "u_10423", None, ""),
        ("email-clicks", "email_link_clicked", "u_10423", None, "em_77"),
    ]
    events = await live.events()
    assert sorted(map(_short, events), key=repr) == sorted(session * 2, key=repr)  # packed, then plain
    times = {event["id"]: event["time"] for event in events}
    assert len(times) == len(events)
    for request, _ in answers:
        body = json.loads(gzip.decompress(request.body) if request.body[:2] == b"\x1f\x8b" else request.body)
        off = request.received - parse_time(body["sent_at"])
        for told in body["batch"]:
            happened = min(parse_time(told["timestamp"]) + off, request.received)
            assert times.get(told["uuid"], format_time(happened)) == format_time(happened)
    left = next(event for event in events if event["type"] == "page_time")
    assert left["properties"]["duration_s"] == 95.2
    first = next(event for event in events if event["type"] == "page_view")
    assert first["context"]["utm_campaign"] == "q4-scoring"
    assert first["context"]["ip"] == "198.51.100.23"
    click = next(event for event in events if event["type"] == "email_link_clicked")
    assert click["context"]["group_id"] == "c_771"
    traits = next(event["traits"] for event in events if event.get("anonymous_id") and event.get("lead_id"))
    assert traits | {"first_name": "Claire", "company": "BatiPlus", "employees": 180} == traits


async def test_every_path(live: Live) -> None:
    paths = [
        path + slash
        for path in ("/batch", "/e", "/i/v0/e", "/capture", "/track", "/engage")
        for slash in ("", "/")
    ]
    for path in paths:
        answer = await live.client.post(path, json=_batch({**EVENT, "uuid": path}))
        assert (answer.status_code, answer.json()) == (200, {"status": 1})
    assert sorted(event["id"] for event in await live.events()) == sorted(paths)


async def test_every_wrapping(live: Live) -> None:
    def told(uuid: str) -> str:
        return json.dumps(_batch({**EVENT, "uuid": uuid, "properties": {"é": "~~~???"}}))

    def packed(uuid: str) -> str:
        return base64.b64encode(told(uuid).encode()).decode()

    bodies = [
        told("plain").encode(),
        gzip.compress(told("gzip").encode()),
        urlencode({"data": told("form"), "compression": ""}).encode(),
        urlencode({"data": packed("form-64")}).encode(),
        f"data={packed('form-64-unescaped')}".encode(),
        b"data=" + quote(packed("form-64-bare").rstrip("=")).encode(),
        packed("bare-64").encode(),
        gzip.compress(urlencode({"data": packed("gzip-form-64")}).encode()),
        json.dumps([{**EVENT, "uuid": "list", "properties": {"token": "phc_demo"}}]).encode(),
        json.dumps({**EVENT, "uuid": "single", "api_key": "phc_demo"}).encode(),
        json.dumps({**EVENT, "uuid": "single-token", "properties": {"token": "phc_demo"}}).encode(),
    ]
    for body in bodies:
        answer = await live.client.post("/e/?compression=whatever", content=body)
        assert (answer.status_code, answer.text) == (200, '{"status":1}')
    answer = await live.client.get("/e/", params={"data": packed("get")})
    assert answer.status_code == 200
    found = await live.events()
    assert len({event["id"] for event in found}) == len(found) == len(bodies) + 1
    assert {event["type"] for event in found} == {"demo_requested"}


async def test_keys(live: Live) -> None:
    async def status(body: Any, path: str = "/batch/", **headers: str) -> int:
        return (await live.client.post(path, json=body, headers=headers)).status_code

    def own(*tokens: str | None) -> list[dict[str, Any]]:
        return [{**EVENT, "properties": {"token": token}} for token in tokens]

    assert await status(_batch(EVENT)) == 200
    assert await status({"token": "phc_other", "batch": [EVENT]}) == 200
    assert await status({"api_key": KEY, "batch": [EVENT]}) == 200
    assert await status(own("phc_demo", "phc_other")) == 200
    assert (
        await status({"$token": "phc_demo", "$distinct_id": "u-1", "$set": {"plan": "pro"}}, "/engage/")
        == 200
    )
    assert await status({"batch": [EVENT]}) == 401
    assert await status({"api_key": "guess", "batch": [EVENT]}) == 401
    assert await status(own("phc_demo", "guess")) == 401
    assert await status({"api_key": "wk_page", "batch": [EVENT]}) == 403
    assert await status({"api_key": "7", "batch": [EVENT]}) == 403
    assert await status(own(*map(str, range(17)))) == 400
    assert await status({"batch": [EVENT]}, Authorization="Bearer phc_demo") == 401
    for path in ("/array/guess/config", "/array/guess/config.js"):
        assert (await live.client.get(path)).status_code == 401
    segment = await live.client.post("/v1/t", json={"writeKey": "phc_demo", "type": "track", "event": "x"})
    assert segment.status_code == 403


async def test_an_event_without_the_key_is_not_taken_with_another_s(live: Live) -> None:
    events = [{**EVENT, "properties": {"token": "phc_demo"}}, {**EVENT, "uuid": "e-2"}, 3]
    assert (await live.client.post("/e/", json=events)).status_code == 200
    assert [event["id"] for event in await live.events()] == ["e-1"]
    assert len(await live.landed([FAILED])) == 2


async def test_the_newer_format(live: Live) -> None:
    live.clock.now = parse_time("2026-11-01T09:00:00Z")
    told = {
        **EVENT,
        "timestamp": "2026-11-01T08:00:00+00:00",
        "options": {},
        "properties": {"$set": {"plan": "pro"}},
    }
    headers = {"Authorization": "Bearer phc_demo", "PostHog-Request-Timestamp": "2026-11-01T08:30:00Z"}
    bad = {"uuid": "e-2", "event": "", "distinct_id": "u-1"}
    answer = await live.client.post(
        "/i/v1/analytics/events", json={"batch": [told, bad, {"event": 3}]}, headers=headers
    )
    assert answer.status_code == 200
    assert answer.json()["results"].keys() == {"e-2"}
    assert answer.json()["results"]["e-2"]["result"] == "drop"
    assert [(event["id"], event["time"]) for event in await live.events()] == [
        ("e-1", "2026-11-01T08:30:00Z"),
        ("e-1/traits", "2026-11-01T08:30:00Z"),
    ]


async def test_what_cannot_be_read_is_kept_and_the_rest_is_taken(live: Live) -> None:
    bad = [3, {"event": "x"}, {**EVENT, "properties": "x"}, {**EVENT, "timestamp": "soon"}]
    answer = await live.client.post("/batch/", json=_batch(EVENT, *bad, {**EVENT, "event": "$web_vitals"}))
    assert (answer.status_code, answer.json()) == (200, {"status": 1})
    assert [event["id"] for event in await live.events()] == ["e-1"]
    dead = await live.landed([FAILED])
    assert sorted(json.dumps(json.loads(one.value)) for one in dead) == sorted(map(json.dumps, bad))


async def test_nothing_readable_is_refused(live: Live) -> None:
    async def status(content: bytes) -> int:
        return (await live.client.post("/batch/", content=content)).status_code

    for unfit in (
        b"",
        b"{",
        b"\xff",
        b"data=%%%",
        b"[" * 100_000,
        b'{"api_key":"phc_demo","batch":3}',
        b"AAAA",
    ):
        assert await status(unfit) == 400
    assert await status(json.dumps(_batch({"event": "x"})).encode()) == 400
    assert await status(json.dumps(_batch({**EVENT, "properties": {"x": "y" * 40_000}})).encode()) == 413
    assert await status(gzip.compress(b" " * 50_000_000)) == 413
    assert await status(json.dumps(_batch()).encode()) == 200
    assert await live.landed() == []


async def test_times_of_a_migration_stand_and_old_libraries_say_in_the_query_when_they_sent(
    live: Live,
) -> None:
    live.clock.now = parse_time("2026-11-01T09:00:00Z")
    told = {**EVENT, "timestamp": "2026-11-01T07:00:00Z"}
    sent = {"sent_at": "2026-11-01T08:00:00Z"}
    for uuid, more, query in [
        ("corrected", sent, ""),
        ("migrated", {**sent, "historical_migration": True}, ""),
        ("queried", {}, "?ip=1&_=1793520000000"),  # 08:00
        ("odd", {}, "?_=soon"),
    ]:
        answer = await live.client.post(f"/batch/{query}", json=_batch({**told, "uuid": uuid}, **more))
        assert answer.status_code == 200
    times = {event["id"]: event["time"][11:16] for event in await live.events()}
    assert times == {"corrected": "08:00", "migrated": "07:00", "queried": "08:00", "odd": "07:00"}


async def test_what_the_libraries_ask_for(live: Live) -> None:
    origin = {"Origin": "https://www.acme-exemple.fr"}
    config = await live.client.get("/array/phc_demo/config", headers=origin)
    assert config.headers["access-control-allow-origin"] == origin["Origin"]
    assert config.json()["autocapture_opt_out"] is False
    assert config.json()["sessionRecording"] is False
    script = await live.client.get("/array/phc_demo/config.js", headers=origin)
    assert script.headers["content-type"].startswith("text/javascript")
    assert '["phc_demo"]' in script.text
    for path in ("/flags/?v=2", "/flags", "/decide/?v=3"):
        answer = await live.client.post(path, json={"token": "phc_demo"}, headers=origin)
        assert (answer.status_code, answer.json()["flags"]) == (200, {})
        assert answer.json()["errorsWhileComputingFlags"] is False
    for path in ("/s/", "/s", "/i/v0/ai/batch/"):
        answer = await live.client.post(path, content=gzip.compress(b"[]"), headers=origin)
        assert (answer.status_code, answer.json()) == (200, {"status": 1})
    assert await live.landed() == []
