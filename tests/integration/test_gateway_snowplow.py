"""Snowplow's protocol: captured requests sent again byte for byte, and what no capture has."""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import pytest

from scorer.times import format_time, parse_time
from scorer.topics import FAILED
from tests.gateway_live import CAPTURES, KEY, Live, live_gateway, running_broker
from tests.tracker_replay import Answer, Captured, captured, send

pytestmark = pytest.mark.embedded

KEYS = (KEY, "snowplow:acme-site", "snowplow:shop", "matomo:7", "segment:wk_page")
PATH = "/com.snowplowanalytics.snowplow/tp2"
SCHEMA = "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4"
VIEW = {
    "e": "pv",
    "aid": "acme-site",
    "duid": "d",
    "eid": "e-1",
    "url": "https://acme.test/tarifs",
    "p": "web",
}
PYTHON_PERSON = "a7c5e1f0-6f3b-4b0e-9f55-2d3a1c9b7e10"
BROWSER_PERSON = "3682a35a-235f-4a06-b5da-52b4b0ff02df"


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
    named = properties.get("asset") or properties.get("category") or properties.get("form_id")
    page = properties.get("url", "").partition("?")[0].rpartition("/")[2]
    return event["//topic"], event["type"], event.get("lead_id"), event["anonymous_id"], named or page


def _payload(*items: Any) -> dict[str, Any]:
    return {"schema": SCHEMA, "data": items}


async def test_what_the_python_library_sent(live: Live) -> None:
    answers = await _replay(live, "snowplow-tracker-python.jsonl")
    assert {(answer.status, answer.body) for _, answer in answers} == {(200, b"ok")}
    who = PYTHON_PERSON
    session = [
        ("page-views", "page_view", None, who, "lead-scoring"),
        *[("page-views", "page_time", None, who, "tarifs")] * 3,
        ("page-views", "page_view", None, who, "tarifs"),
        ("downloads", "download", None, who, "livre-blanc-lead-scoring.pdf"),
        ("profiles", "identify", "u_10423", who, ""),
        ("signals", "click", "u_10423", who, "email"),
        ("profiles", "identify", "u_10423", who, ""),
    ]
    events = await live.events()
    assert sorted(map(_short, events), key=repr) == sorted(
        session * 2, key=repr
    )  # in small, in large batches
    assert len({event["id"] for event in events}) == len(events)
    told = [item for request, _ in answers for item in json.loads(request.body)["data"]]
    times = {event["id"]: event["time"] for event in events if not event["id"].endswith("/tie")}
    assert times == {item["eid"]: format_time(int(item["ttm"]) * 1000) for item in told}
    first = next(event for event in events if event["type"] == "page_view")
    assert first["context"]["utm_campaign"] == "q4-scoring"
    assert first["context"]["ip"] == "198.51.100.23"
    assert first["context"]["timezone"] == "Europe/Paris"
    traits = next(event["traits"] for event in events if event.get("traits"))
    assert traits | {"first_name": "Claire", "company": "BatiPlus", "employees": 180} == traits


async def test_what_the_browser_library_sent(live: Live) -> None:
    answers = await _replay(live, "snowplow-browser-tracker.jsonl")
    for request, answer in answers:
        assert answer.headers["access-control-allow-origin"] == dict(request.headers)["Origin"]
        assert answer.headers["access-control-allow-credentials"] == "true"
        assert answer.status == (204 if request.method == "OPTIONS" else 200)
        if request.method == "OPTIONS":
            assert answer.headers["access-control-allow-headers"] == "content-type"
    events = await live.events()
    assert [_short(event)[1:] for event in events] == [
        (of_type, "u_10423" if of_type == "identify" else None, BROWSER_PERSON, named)
        for of_type, named, times in [
            ("page_view", "lead-scoring", 1),
            ("page_time", "lead-scoring", 3),
            ("link_click", "lead-scoring", 1),
            ("page_view", "tarifs", 1),
            ("page_time", "tarifs", 6),
            ("page_view", "tarifs", 1),
            ("page_time", "tarifs", 3),
            ("link_click", "tarifs", 2),  # sent again as the page went; its id is the same
            ("page_view", "livre-blanc", 1),
            ("page_time", "livre-blanc", 1),
            ("download", "livre-blanc-lead-scoring.pdf", 1),
            ("form_submit", "f", 1),
            ("identify", "", 1),
            ("page_view", "demo", 1),
            ("click", "email", 1),
            ("page_time", "demo", 2),
        ]
        for _ in range(times)
    ]
    assert "claire" not in json.dumps([event for event in events if event["type"] != "identify"])
    assert len({event["id"] for event in events}) == len(events) - 1
    corrected = {
        format_time(int(item["dtm"]) * 1000 + request.received - int(item["stm"]) * 1000)
        for request, _ in answers
        if request.body
        for item in json.loads(request.body)["data"]
    }
    assert {event["time"] for event in events} <= corrected


async def test_every_path(live: Live) -> None:
    async def post(path: str, eid: str) -> tuple[int, str]:
        answer = await live.client.post(path, json=_payload({**VIEW, "eid": eid}))
        return answer.status_code, answer.text

    assert await post(PATH, "1") == (200, "ok")
    assert await post("/com.acme/tp", "2") == (200, "ok")
    for method, path, eid in [
        ("GET", "/i", "3"),
        ("HEAD", "/i", "4"),
        ("GET", "/ice.png", "5"),
        ("GET", PATH, "6"),
    ]:
        answer = await live.client.request(method, path, params={**VIEW, "eid": eid})
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/plain" if path == PATH else "image/gif")
    picture = await live.client.get("/i", params={**VIEW, "eid": "3"})
    assert picture.content.startswith(b"GIF89a")
    assert "no-store" in picture.headers["cache-control"]
    assert "set-cookie" not in picture.headers
    health = await live.client.get("/health")
    assert (health.status_code, health.text) == (200, "ok")
    assert [event["id"] for event in await live.events()] == ["1", "2", "3", "3", "4", "5", "6"]


async def test_a_vendor_s_path_takes_nothing_that_is_another_s(live: Live) -> None:
    async def status(method: str, path: str) -> int:
        return (await live.client.request(method, path, json=_payload(VIEW))).status_code

    assert await status("POST", "/v1/track") == 401  # Segment's, without a key of its own
    assert await status("POST", "/v1/leads") == 404
    assert await status("POST", "/v1/events") == 401
    assert await status("GET", "/com.acme/tp") == 404
    assert await status("DELETE", "/com.acme/tp") == 404
    assert await status("POST", "/com.acme/tp/more") == 404
    origin = {"Origin": "https://www.acme-exemple.fr"}
    asked = await live.client.options("/com.acme/tp", headers=origin)
    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (204, origin["Origin"])
    other = await live.client.options("/v1/leads", headers=origin)
    assert "access-control-allow-origin" not in other.headers
    assert await live.landed() == []


async def test_app_ids_are_keys(live: Live) -> None:
    async def status(*aids: object, path: str = PATH) -> int:
        items = [{**VIEW, "aid": aid} if aid is not None else {"e": "pv", "duid": "d"} for aid in aids]
        return (await live.client.post(path, json=_payload(*items))).status_code

    assert await status("acme-site") == 200
    assert await status("acme-site", "shop") == 200
    assert await status(KEY) == 200
    assert await status("guess") == 401
    assert await status("acme-site", "guess") == 401
    assert await status(None) == 401
    assert await status("") == 401
    assert await status("wk_page") == 403
    assert await status("7") == 403
    assert await status(*map(str, range(17))) == 400
    assert await status("guess", path=f"{PATH}?aid=shop") == 200  # the query's counts
    assert await status("shop", path=f"{PATH}?aid=guess") == 401
    assert (await live.client.get("/i", params={"e": "pv", "duid": "d"})).status_code == 401
    assert (await live.client.get("/i", params={**VIEW, "aid": "guess"})).status_code == 401


async def test_what_cannot_be_read_is_kept_and_the_rest_is_taken(live: Live) -> None:
    bad = [
        3,
        {**VIEW, "e": "zz"},
        {"e": "pv", "duid": "x"},
        {**VIEW, "aid": True},
        {"aid": "shop", "e": "pv"},
    ]
    answer = await live.client.post(PATH, json=_payload(VIEW, *bad, {**VIEW, "e": "pp", "eid": "e-2"}))
    assert (answer.status_code, answer.text) == (200, "ok")
    assert sorted(event["id"] for event in await live.events()) == ["e-1", "e-2"]
    dead = await live.landed([FAILED])
    assert sorted(json.dumps(json.loads(one.value)) for one in dead) == sorted(map(json.dumps, bad))
    assert {dict(one.headers)["errors.topic"] for one in dead} == {f"gateway:{PATH}".encode()}


async def test_nothing_readable_is_refused_for_good(live: Live) -> None:
    async def status(content: bytes, path: str = PATH) -> int:
        return (await live.client.post(path, content=content)).status_code

    large = json.dumps(_payload({**VIEW, "page": "x" * 40_000})).encode()
    for unfit in (b"", b"{", b"\xff", b"[" * 100_000, b'{"data": 3}', b'{"data"' + b"[" * 9_000):
        assert await status(unfit) in (400, 401)
    assert await status(json.dumps(_payload({**VIEW, "e": "zz"})).encode()) == 400
    assert await status(large) == 400  # a tracker sends again after a 413
    assert await status(b" " * 1_000_001) == 400
    assert (await live.client.get("/i", params={**VIEW, "e": "zz"})).status_code == 400
    assert await live.landed() == []


async def test_base64_and_an_item_alone_and_a_list(live: Live) -> None:
    event = {"schema": "iglu:com.acme/demo_request/jsonschema/1-0-0", "data": {"plan": "???"}}
    packed = base64.urlsafe_b64encode(json.dumps({"data": event}).encode()).decode().rstrip("=")
    item = {**VIEW, "e": "ue", "ue_px": packed}
    for place, body in enumerate((item, [item], _payload(item))):
        answer = await live.client.post(f"{PATH}?eid={place}", json=body)
        assert answer.status_code == 200
    answer = await live.client.get(f"/i?{urlencode({**item, 'eid': 3})}")
    assert answer.status_code == 200
    found = await live.events()
    assert [(event["id"], event["type"], event["properties"]["plan"]) for event in found] == [
        (str(place), "demo_request", "???") for place in range(4)
    ]


async def test_who_asks_to_stay_unknown_does(live: Live) -> None:
    live.clock.now = parse_time("2026-11-01T09:00:00Z")
    browser = {"Origin": "https://acme.test", "User-Agent": "Mozilla/5.0", "Cookie": "sp=n-1; other=x"}
    nameless = {name: value for name, value in VIEW.items() if name != "duid"}

    async def sent(headers: dict[str, str], **item: Any) -> int:
        return (
            await live.client.post(PATH, json=_payload({**nameless, **item}), headers=headers)
        ).status_code

    assert await sent(browser, eid="cookie") == 200
    assert await sent({**browser, "SP-Anonymous": "*"}, eid="nobody") == 200
    assert await sent({**browser, "SP-Anonymous": "*"}, eid="named", duid="d") == 200
    assert await sent({"Cookie": "sp=n-1"}, eid="server", uid="u-1") == 200
    assert await sent({"Cookie": "sp=n-1"}, eid="server-nobody") == 400
    found = {event["id"]: event for event in await live.events()}
    assert set(found) == {"cookie", "named", "server"}
    assert found["cookie"]["anonymous_id"] == "n-1"
    assert found["cookie"]["context"]["user_agent"] == "Mozilla/5.0"
    assert found["cookie"]["context"]["ip"] == "127.0.0.1"
    assert found["named"]["context"] == found["server"]["context"] == {"channel": "browser"}
    assert "anonymous_id" not in found["server"]
    assert await live.landed([FAILED]) == []
