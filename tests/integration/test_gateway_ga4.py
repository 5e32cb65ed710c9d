"""Google Analytics 4: captures sent again, its forms and answers, libraries of Python and of browsers.

`gtag.js` is in no registry: what it sends is told here by requests written as it writes them.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from ga4mp import GtagMP

from scorer.topics import FAILED
from tests.gateway_live import CAPTURES, KEY, Live, eventually, live_gateway, running_broker
from tests.tracker_clients import installed, site, visitor
from tests.tracker_replay import captured, send

pytestmark = pytest.mark.embedded

STREAM = "G-ACMEDEMO1"
KEYS = (KEY, f"ga4:{STREAM}", "matomo:7")
PERSON = "1234567890.1763900000"
MP = {"measurement_id": STREAM, "api_secret": "canary"}
WEB = {
    "v": "2",
    "tid": STREAM,
    "cid": "1.2",
    "sid": "3",
    "_p": "77",
    "dl": "https://acme.test/tarifs",
    "dt": "Tarifs",
}


@pytest.fixture
async def live() -> AsyncIterator[Live]:
    with running_broker() as broker:
        async with live_gateway(broker.bootstrap, write_keys=KEYS) as running:
            yield running


async def test_what_the_python_library_sent(live: Live) -> None:
    path = CAPTURES / "trackers" / "ga4mp-python.jsonl"
    if not path.is_file():
        pytest.skip("the captures are not on this machine: set LEADHEAT_CAPTURES")
    for request in captured(path):
        live.clock.now = request.received
        assert (await send(live.url, request.wire)).status == 204
    events = await live.events()
    assert [(event["type"], event.get("time")) for event in events] == [
        ("download", None),
        ("email_link_click", None),
        ("generate_lead", None),
        ("identify", None),
        ("page_time", None),
        ("page_view", None),
        ("identify", "2026-11-21T13:10:14Z"),
        ("page_view", "2026-11-21T13:10:14Z"),
    ]
    assert {event["anonymous_id"] for event in events} == {PERSON}
    assert not [event for event in events if "lead_id" in event]
    assert events[-1]["properties"]["url"].startswith("https://www.acme-exemple.fr/blog/lead-scoring")
    assert events[-1]["properties"]["referrer"] == "https://www.google.com/"
    assert events[-1]["context"]["utm_campaign"] == "q4-scoring"
    assert events[0]["properties"]["asset"] == "livre-blanc-lead-scoring.pdf"
    assert events[2]["properties"]["value"] == 120
    assert events[3]["traits"] == {"industry": "Construction"}
    assert events[4]["properties"]["duration_s"] == 0


async def test_the_web_protocol(live: Live) -> None:
    batch = b"en=scroll&epn.percent_scrolled=90&_et=5000\r\nen=file_download&ep.file_name=wp.pdf&_s=3\r\n"
    sent = [
        await live.client.post("/g/collect", params={**WEB, "en": "page_view", "_s": "1"}),
        await live.client.get("/g/collect", params={**WEB, "en": "page_view", "_s": "9"}),
        await live.client.post("/g/collect", params={**WEB, "_s": "2", "uid": "u-web"}, content=batch),
        await live.client.head("/g/collect", params={**WEB, "en": "page_view"}),
    ]
    assert [one.status_code for one in sent] == [204] * 4
    events = await live.events()
    assert sorted(event["type"] for event in events) == (
        ["download", "identify", "page_time", "page_view", "page_view", "scroll"]
    )
    by_type = {event["type"]: event for event in events}
    assert by_type["scroll"]["properties"]["percent_scrolled"] == 90
    assert by_type["page_time"]["properties"] == {"url": WEB["dl"], "title": "Tarifs", "duration_s": 5}
    assert by_type["identify"]["lead_id"] == by_type["download"]["lead_id"] == "u-web"
    assert by_type["identify"]["anonymous_id"] == "1.2"


async def test_what_cannot_be_read_changes_no_answer(live: Live) -> None:
    body = {"client_id": "c", "events": [7, {"name": "x"}, {"params": {}}]}
    assert (await live.client.post("/mp/collect", params=MP, json=body)).status_code == 204
    nobody = {"events": [{"name": "x"}]}
    assert (await live.client.post("/mp/collect", params=MP, json=nobody)).status_code == 204
    assert [event["type"] for event in await live.events()] == ["x"]
    dead = [one.value for one in await live.landed([FAILED])]
    assert sorted(map(json.loads, dead), key=repr) == [7, {"name": "x"}, {"params": {}}]
    assert (await live.client.post("/mp/collect", params=MP, content=b"{")).status_code == 400
    assert (await live.client.post("/mp/collect", params=MP, json={"events": 7})).status_code == 400
    many = {"client_id": "c", "events": [{}] * 1_001}
    assert (await live.client.post("/mp/collect", params=MP, json=many)).status_code == 413
    lines = await live.client.post("/g/collect", params=WEB, content=b"a\n" * 101)
    assert lines.status_code == 413


async def test_who_may_send(live: Live) -> None:
    body = {"client_id": "c", "timestamp_micros": 1_700_000_000_000_000, "events": [{"name": "x"}]}

    async def status(path: str = "/mp/collect", **query: str) -> int:
        return (await live.client.post(path, params=query, json=body)).status_code

    for path in ("/mp/collect", "/debug/mp/collect"):
        assert await status(path) == await status(path, measurement_id="G-2", api_secret="x") == 401
        assert await status(path, measurement_id="7") == 403
    assert await status("/g/collect", tid="G-2", en="x", cid="c") == 401
    assert await live.landed() == []
    assert await status(measurement_id="G-2", api_secret=KEY) == 204
    (event,) = await live.events()
    assert event["time"] == "2023-11-14T22:13:20Z"


async def test_the_validation_server(live: Live) -> None:
    async def messages(body: Any) -> list[dict[str, str]]:
        answer = await live.client.post("/debug/mp/collect", params=MP, content=json.dumps(body))
        found: list[dict[str, str]] = answer.json()["validationMessages"]
        return found

    good = {"name": "page_view", "params": {"page_location": "https://acme.test/"}}
    assert await messages({"client_id": "c", "events": [good]}) == []
    wrong = await messages({"client_id": "c", "events": [good, {"params": {}}, {"name": "x", "params": 7}]})
    assert [(one["fieldPath"], one["validationCode"]) for one in wrong] == [
        ("events[1]", "NAME_INVALID"),
        ("events[2]", "VALUE_INVALID"),
    ]
    assert [one["validationCode"] for one in await messages({"events": []})] == ["VALUE_REQUIRED"] * 2
    assert [one["fieldPath"] for one in await messages([])] == ["events"]
    assert await live.landed() == []


async def test_the_python_library(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    library = GtagMP(api_secret="canary", measurement_id=STREAM, client_id=PERSON)
    monkeypatch.setattr(library, "_base_domain", f"{live.url}/mp/collect", raising=True)
    view = library.create_new_event("page_view")
    view.set_event_param("page_location", "https://acme.test/tarifs")
    download = library.create_new_event("file_download")
    download.set_event_param("file_name", "wp.pdf")
    library.store.set_user_property("company", "Acme")
    await asyncio.to_thread(library.send, [view, download])
    events = {event["type"]: event for event in await live.events()}
    assert sorted(events) == ["download", "identify", "page_view"]
    assert events["identify"]["traits"] == {"company": "Acme"}
    assert events["download"]["properties"]["asset"] == "wp.pdf"


MINIMAL = """<!doctype html><title>Nos tarifs</title>
<script>
window.minimalAnalytics = { analyticsEndpoint: '%s/g/collect', trackingId: '%s', autoTrack: true }
</script>
<script src="/minimal/index.js"></script><a href="/wp.pdf" onclick="event.preventDefault()">Livre blanc</a>"""
GA4MP = """<!doctype html><title>Nos tarifs</title><script src="/ga4mp/ga4mp.umd.js"></script>"""
TRACK = """([endpoint, stream]) => {
  const library = ga4mp([stream], { endpoint, user_id: 'u-web', client_id: '5.6' })
  library.setUserProperty('company', 'Acme')
  library.trackEvent('page_view')
  library.trackEvent('demo_ask', { plan: 'pro', seats: 12 })
}"""


@pytest.mark.browser
@pytest.mark.node
@pytest.mark.slow
async def test_libraries_in_a_browser(live: Live, tmp_path: Path) -> None:
    modules = await installed(tmp_path, "@minimal-analytics/ga4@1", "@analytics-debugger/ga4mp@0.0.8")
    folders = {
        "/minimal": modules / "@minimal-analytics" / "ga4" / "dist",
        "/ga4mp": modules / "@analytics-debugger" / "ga4mp" / "dist",
    }
    pages = {"/tarifs": MINIMAL % (live.url, STREAM), "/demo": GA4MP}

    async def landed(*types: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []

        async def there() -> bool:
            found[:] = await live.events()
            return {event["type"] for event in found} >= set(types)

        await eventually(there)
        return found

    async with site(pages, folders) as address, visitor() as person:
        await person.page.goto(f"{address}/tarifs?utm_source=linkedin")
        await landed("page_view")
        await person.page.click("a")
        events = await landed("page_view", "download")
        view, download = (
            next(one for one in events if one["type"] == of) for of in ("page_view", "download")
        )
        assert view["properties"] == {"url": f"{address}/tarifs?utm_source=linkedin", "title": "Nos tarifs"}
        assert view["context"]["utm_source"] == "linkedin"
        assert download["properties"]["asset"] == "/wp.pdf"
        assert view["anonymous_id"] == download["anonymous_id"]
        await person.page.goto(f"{address}/demo")
        await person.page.evaluate(TRACK, [f"{live.url}/g/collect", STREAM])
        events = await landed("identify", "demo_ask")
        assert person.errors == []
    ask, tie = (next(one for one in events if one["type"] == of) for of in ("demo_ask", "identify"))
    assert (ask["lead_id"], ask["anonymous_id"]) == (tie["lead_id"], tie["anonymous_id"]) == ("u-web", "5.6")
    assert ask["properties"] == ask["properties"] | {"plan": "pro", "seats": 12}
    assert tie["traits"] == {"company": "Acme"}
