"""Segment's protocol: captured requests sent again byte for byte, and what no capture has."""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from scorer.times import Micros, parse_time
from scorer.topics import FAILED
from tests.gateway_live import CAPTURES, KEY, Live, live_gateway, running_broker
from tests.tracker_replay import Answer, Captured, captured, send

pytestmark = pytest.mark.embedded

KEYS = (KEY, "wk_demo_server", "segment:wk_demo_browser", "wk_demo_rudder", "matomo:7")
BASIC = {"Authorization": "Basic " + base64.b64encode(f"{KEY}:".encode()).decode()}
PYTHON_PERSON = "a7c5e1f0-6f3b-4b0e-9f55-2d3a1c9b7e10"
BROWSER_PERSON = "aee83625-1e26-450a-99c6-4dd0199abae4"


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
    named = properties.get("asset") or properties.get("link") or properties.get("path")
    return event["//topic"], event["type"], event.get("lead_id"), event.get("anonymous_id"), named


async def test_what_the_python_library_sent(live: Live) -> None:
    answers = await _replay(live, "segment-analytics-python.jsonl")
    assert {(answer.status, answer.body) for _, answer in answers} == {(200, b'{"success":true}')}
    session = [
        ("page-views", "page_view", None, PYTHON_PERSON, "/blog/lead-scoring"),
        ("page-views", "page_view", None, PYTHON_PERSON, "/tarifs"),
        ("signals", "page_engaged", None, PYTHON_PERSON, "/tarifs"),
        ("page-views", "page_view", None, PYTHON_PERSON, "/tarifs"),
        ("downloads", "download", None, PYTHON_PERSON, "livre-blanc-lead-scoring.pdf"),
        ("profiles", "identify", "u_10423", PYTHON_PERSON, None),
        ("profiles", "identify", "u_10423", PYTHON_PERSON, None),
        ("profiles", "alias", "u_10423", None, None),
        ("email-clicks", "email_click", "u_10423", None, "https://www.acme-exemple.fr/demo"),
        ("page-views", "page_view", "u_10423", None, None),
    ]
    events = await live.events()
    assert sorted(map(_short, events), key=repr) == sorted(session * 2, key=repr)  # plain, then gzipped
    assert len({event["id"] for event in events}) == len(events)
    first, *_ = (event for event in events if event["type"] == "page_view")
    assert first["properties"]["referrer"] == "https://www.google.com/"
    assert {name: value for name, value in first["context"].items() if name.startswith("utm_")} == {
        "utm_source": "linkedin",
        "utm_medium": "cpc",
        "utm_campaign": "q4-scoring",
    }
    assert first["context"]["ip"] == "198.51.100.23"
    identify, group, alias = (
        next(
            event for event in events if event["type"] == of and ("email" in event.get("traits", {})) == mail
        )
        for of, mail in (("identify", True), ("identify", False), ("alias", False))
    )
    assert (
        identify["traits"] | {"first_name": "Claire", "company": "BatiPlus", "employees": 180}
        == (identify["traits"])
    )
    assert group["traits"] == {"company": "BatiPlus", "employees": 180, "industry": "Construction"}
    assert alias["properties"] == {"previous_id": PYTHON_PERSON}
    click = next(event for event in events if event["type"] == "email_click")
    assert click["properties"] == {
        "email_id": "em_77",
        "link": "https://www.acme-exemple.fr/demo",
        "campaign": "nurture-2",
        "event": "Email Link Clicked",
    }


async def test_what_the_browser_library_sent(live: Live) -> None:
    answers = await _replay(live, "segment-analytics-next-browser.jsonl")
    for request, answer in answers:
        origin = dict(request.headers)["Origin"]
        assert answer.headers["access-control-allow-origin"] == origin
        assert answer.headers["access-control-allow-credentials"] == "true"
        assert answer.headers["vary"] == "Origin"
        if request.method == "OPTIONS":
            assert answer.status == 204
            assert answer.headers["access-control-allow-headers"] == "authorization"
        else:
            assert answer.status == 200
    events = await live.events()
    address = "http://www.acme-exemple.test:38100/demo?utm_source=newsletter&utm_medium=email&utm_campaign=nurture-2"
    assert [_short(event) for event in events] == [
        ("page-views", "page_view", None, BROWSER_PERSON, "/blog/lead-scoring"),
        ("page-views", "page_view", None, BROWSER_PERSON, "/tarifs"),
        ("page-views", "page_view", None, BROWSER_PERSON, "/tarifs"),
        ("page-views", "page_view", None, BROWSER_PERSON, "/ressources/livre-blanc"),
        ("downloads", "download", None, BROWSER_PERSON, "livre-blanc-lead-scoring.pdf"),
        ("profiles", "identify", "u_10423", BROWSER_PERSON, None),
        ("page-views", "page_view", "u_10423", BROWSER_PERSON, "/demo"),
        ("email-clicks", "email_click", "u_10423", BROWSER_PERSON, address),
    ]
    assert {event["time"] for event in events} == _corrected(answers)
    assert {event["context"]["channel"] for event in events} == {"browser"}
    assert all(event["context"]["user_agent"].startswith("Mozilla/5.0") for event in events)
    assert events[-1]["properties"]["campaign"] == "nurture-2"


def _corrected(answers: list[tuple[Captured, Answer]]) -> set[str]:
    """The times that the specification's formula gives: received - (sent - happened)."""
    from scorer.times import format_time

    found = set()
    for request, _ in answers:
        message = json.loads(request.body or b"{}")
        if "timestamp" in message:
            off = request.received - parse_time(message["sentAt"])
            found.add(format_time(parse_time(message["timestamp"]) + off))
    return found


async def test_what_a_library_of_the_same_protocol_sent(live: Live) -> None:
    answers = await _replay(live, "rudder-sdk-node.jsonl")
    assert {answer.status for _, answer in answers} == {200}
    events = await live.events()
    kinds = [event["type"] for event in events]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "page_view": 6,
        "download": 2,
        "identify": 4,
        "alias": 2,
        "email_click": 2,
    }
    assert {event["time"][:10] for event in events} == {"2026-11-20", "2026-11-23"}


MESSAGE = {"type": "track", "event": "Demo Requested", "userId": "u-1", "messageId": "m-1"}


async def test_every_path_and_place_of_the_key(live: Live) -> None:
    def body(**more: Any) -> bytes:
        return json.dumps({**MESSAGE, **more}).encode()

    wire = [
        await live.client.post(f"/v1/{path}", content=content, headers=headers, params=query)
        for path, content, headers, query in [
            ("track", body(), BASIC, {}),
            ("t", body(writeKey=KEY), {}, {}),
            ("t", body(), {}, {"writeKey": KEY}),
            ("import", json.dumps({"batch": [MESSAGE]}).encode(), BASIC, {}),
            ("b", json.dumps({"batch": [MESSAGE], "writeKey": "wk_demo_browser"}).encode(), {}, {}),
            ("batch", body(), {"Authorization": f"Bearer {KEY}"}, {}),
        ]
    ]
    assert [answer.status_code for answer in wire] == [200] * 6
    assert [event["type"] for event in await live.events()] == ["demo_requested"] * 6


async def test_a_path_names_the_call_where_the_message_does_not(live: Live) -> None:
    for path in ("page", "p", "screen", "s", "identify", "i", "group", "g"):
        sent = await live.client.post(f"/v1/{path}", json={"anonymousId": path}, headers=BASIC)
        assert sent.status_code == 200
    for path in ("alias", "a"):
        sent = await live.client.post(
            f"/v1/{path}", json={"userId": path, "previousId": "old"}, headers=BASIC
        )
        assert sent.status_code == 200
    kinds = {event.get("anonymous_id") or event["lead_id"]: event["type"] for event in await live.events()}
    assert kinds == {
        **dict.fromkeys(("page", "p", "screen", "s"), "page_view"),
        **dict.fromkeys(("identify", "i", "group", "g"), "identify"),
        **dict.fromkeys(("alias", "a"), "alias"),
    }


async def test_bad_keys_and_keys_of_another_kind(live: Live) -> None:
    def basic(key: str) -> dict[str, str]:
        return {"Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}

    async def status(headers: dict[str, str], path: str = "/v1/t", **more: Any) -> int:
        return (await live.client.post(path, json={**MESSAGE, **more}, headers=headers)).status_code

    assert await status({}) == 401
    assert await status({}, writeKey="guess") == 401
    assert await status({}, writeKey=["guess"]) == 401
    assert await status(basic("guess"), writeKey=KEY) == 401
    assert await status({"Authorization": "Basic ***"}) == 401
    assert await status(basic("7")) == 403
    event = {"type": "page_view", "lead_id": "u"}
    assert (await live.post(event, key="wk_demo_browser")).status_code == 403
    assert (await live.post(event, key="segment:wk_demo_browser")).status_code == 403
    assert (await live.post(event, key="guess")).status_code == 401
    assert await live.events() == []


async def test_bad_messages_of_a_batch_are_kept_as_dead_letters(live: Live) -> None:
    bad: list[Any] = [
        7,
        {"type": "track", "userId": "u"},
        {"type": "unheard", "userId": "u"},
        {"type": "page"},
        {"type": "page", "userId": "u", "timestamp": "yesterday"},
        {"type": "page", "userId": "u", "properties": ["x"]},
        {"type": "page", "userId": {"a": 1}},
        {"type": "page", "userId": "u", "properties": {"filler": "x" * 40_000}},
    ]
    answer = await live.client.post("/v1/batch", json={"batch": [*bad, MESSAGE]}, headers=BASIC)
    assert answer.status_code == 200
    assert answer.json()["success"] is True
    assert [one["index"] for one in answer.json()["rejected"]] == list(range(8))
    assert [event["id"] for event in await live.events()] == ["m-1"]
    dead = await live.landed([FAILED])
    assert sorted(map(json.loads, (one.value for one in dead)), key=repr) == sorted(bad, key=repr)
    for one in dead:
        headers = {name: value.decode() for name, value in one.headers}
        assert headers["errors.topic"] == "gateway:/v1/batch"
        assert headers["errors.class"] in {"EventError", "EventTooLargeError"}
        assert headers["errors.message"]
        assert {"errors.partition", "errors.offset"} <= headers.keys()


@pytest.mark.parametrize("bad", [rb'"Tarifs \ud83d"', b"NaN", b"-Infinity", b"1e400"])
@pytest.mark.parametrize("body", [b'{"batch":[%s,%s]}', b"[%s,%s]"])
async def test_a_value_that_is_not_well_formed_costs_no_event(live: Live, body: bytes, bad: bytes) -> None:
    first = b'{"type":"page","userId":"u","messageId":"m-0","properties":{"title":%s,"n":1}}' % bad
    whole = body % (first, json.dumps(MESSAGE).encode())
    answer = await live.client.post("/v1/batch", content=whole, headers=BASIC)
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    found = {event["id"]: event["properties"] for event in await live.events()}
    assert set(found) == {"m-0", "m-1"}
    assert found["m-0"] == ({"title": "Tarifs ?", "n": 1} if b"Tarifs" in bad else {"n": 1})


@pytest.mark.parametrize("body", [b'{"sentAt": null, "batch" : [%s,%s ], "x": "]"}', b"[%s, %s]"])
async def test_one_message_that_is_nested_too_deeply_is_rejected_alone(live: Live, body: bytes) -> None:
    deep = b'{"type":"page","userId":"u","properties":{"a,]":' + b'{"a":[' * 2_000 + b"]}" * 2_000 + b"}}"
    answer = await live.client.post(
        "/v1/batch", content=body % (deep, json.dumps(MESSAGE).encode()), headers=BASIC
    )
    assert answer.status_code == 200
    assert [one["index"] for one in answer.json()["rejected"]] == [0]
    assert [event["id"] for event in await live.events()] == ["m-1"]
    assert [one.value for one in await live.landed([FAILED])] == [deep]


async def test_nothing_acceptable_is_refused(live: Live) -> None:
    async def status(content: bytes) -> int:
        return (await live.client.post("/v1/batch", content=content, headers=BASIC)).status_code

    large = json.dumps({**MESSAGE, "properties": {"filler": "x" * 40_000}}).encode()
    assert await status(b"") == 400
    assert await status(b"{") == 400
    for unfit in (
        b"[" * 100_000,
        b'{"batch":' + b"[" * 9_000,
        b"[" * 9_000 + b"]" * 9_001,
        b'{"a' + b"[" * 9_000,
    ):
        assert await status(unfit) == 400
    assert await status(b'{"batch": 3}') == 400
    assert await status(b'{"batch": [3]}') == 400
    assert await status(b'{"type":"track","event":"x","userId":"\xff"}') == 400
    assert await status(large) == 413
    assert await status(b'{"batch": [' + large + b"]}") == 413
    assert await status(b" " * 1_000_001) == 413
    assert await status(b'{"batch": []}') == 200
    assert await live.landed() == []


async def test_settings_send_everything_here(live: Live) -> None:
    answer = await live.client.get(
        "/v1/projects/wk_demo_browser/settings", headers={"Origin": "https://www.acme-exemple.fr"}
    )
    destination = answer.json()["integrations"]["Segment.io"]
    assert answer.headers["Access-Control-Allow-Origin"] == "https://www.acme-exemple.fr"
    assert destination["apiKey"] == "wk_demo_browser"
    assert destination["apiHost"] == f"{live.url.removeprefix('http://')}/v1"
    assert destination["protocol"] == "http"
    assert (await live.client.get("/v1/projects/guess/settings")).status_code == 401


async def test_the_library_s_metrics_about_itself_are_dropped(live: Live) -> None:
    assert (await live.client.post("/v1/m", content=b'{"series":[]}')).status_code == 200
    assert await live.landed() == []


async def test_times_are_corrected_by_the_clock_of_the_sender_and_never_in_the_future(live: Live) -> None:
    live.clock.now = parse_time("2026-11-01T09:00:00Z")
    messages = [
        {"timestamp": "2026-11-01T08:00:00Z"},
        {"timestamp": "2026-11-01T08:00:00Z", "sentAt": "2026-11-01T08:59:00Z"},
        {"timestamp": "2030-01-01T00:00:00Z"},
        {"timestamp": 1_793_520_000_000},
        {"originalTimestamp": "2026-11-01T08:00:00Z"},
        {"timestamp": "2026-11-01T08:00:00Z", "sentAt": "a while ago"},
        {},
    ]
    batch = [{**MESSAGE, "messageId": str(place), **one} for place, one in enumerate(messages)]
    sent = await live.client.post(
        "/v1/batch", json={"batch": batch, "sentAt": "2026-11-01T08:50:00Z"}, headers=BASIC
    )
    assert sent.json() == {"success": True}
    times = {event["id"]: event.get("time") for event in await live.events()}
    at = Micros(live.clock.now)
    assert at == parse_time("2026-11-01T09:00:00Z")
    assert times == {
        "0": "2026-11-01T08:10:00Z",
        "1": "2026-11-01T08:01:00Z",
        "2": "2026-11-01T09:00:00Z",
        "3": "2026-11-01T08:10:00Z",
        "4": "2026-11-01T08:10:00Z",
        "5": "2026-11-01T08:00:00Z",
        "6": None,
    }
