"""Mautic's protocol: a capture of its own script sent again, and our script in a real browser.

Mautic's script is in no registry, so ours is held to what the capture shows of it.
"""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs

import pytest

from scorer.topics import FAILED
from tests.gateway_live import CAPTURES, KEY, Live, eventually, live_gateway, running_broker
from tests.tracker_clients import site, visitor
from tests.tracker_replay import Captured, captured, send

pytestmark = pytest.mark.embedded

KEYS = (KEY, "mautic:www.acme-exemple.test", "mautic:localhost")
ORIGIN = {"Origin": "https://www.acme-exemple.test"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def _captured() -> list[Captured]:
    path = CAPTURES / "trackers" / "mautic-mtc-js-browser.jsonl"
    if not path.is_file():
        pytest.skip("the captures are not on this machine: set LEADHEAT_CAPTURES")
    return list(captured(path))


@pytest.fixture
async def live() -> AsyncIterator[Live]:
    with running_broker() as broker:
        async with live_gateway(broker.bootstrap, write_keys=KEYS) as running:
            yield running


async def test_what_mautic_s_script_sent(live: Live) -> None:
    devices = set()
    for request in _captured():
        live.clock.now = request.received
        answer = await send(live.url, request.wire)
        assert answer.headers["access-control-allow-origin"] == dict(request.headers)["Origin"]
        assert answer.headers["access-control-allow-credentials"] == "true"
        if request.method == "OPTIONS":
            assert answer.status == 204
            assert answer.headers["access-control-allow-headers"] == "x-requested-with"
        else:
            told = json.loads(answer.body)
            assert (answer.status, told["success"], told["id"]) == (200, 1, told["device_id"])
            devices.add(told["device_id"])
    events = await live.events()
    assert (
        len(devices) == 2
    )  # the first request had none: it was given one, which the capture's script missed
    assert "d3v1c3" in devices
    views = [event for event in events if event["type"] != "identify"]
    assert sorted((event["type"], event["properties"]["url"].partition(":38100")[2]) for event in views) == [
        ("download", "/files/livre-blanc-lead-scoring.pdf"),
        ("page_view", "/blog/lead-scoring?utm_source=linkedin&utm_medium=cpc&utm_campaign=q4-scoring"),
        ("page_view", "/demo?utm_source=newsletter&utm_medium=email&utm_campaign=nurture-2"),
        ("page_view", "/ressources/livre-blanc"),
        ("page_view", "/ressources/livre-blanc"),
        ("page_view", "/tarifs"),
        ("page_view", "/tarifs"),
    ]
    assert {event["anonymous_id"] for event in events} == devices
    assert not [event for event in events if "time" in event or "lead_id" in event]
    (identify,) = (event for event in events if event["type"] == "identify")
    assert identify["anonymous_id"] == "d3v1c3"
    assert identify["traits"] == {
        "email": "claire.moreau@batiplus-exemple.fr",
        "first_name": "Claire",
        "company": "BatiPlus",
        "title": "Directrice marketing",
        "tags": "livre-blanc",
    }


async def test_a_device_is_named_remembered_or_new(live: Live) -> None:
    async def device(body: str, cookie: str = "") -> tuple[str, str]:
        headers = {**ORIGIN, **FORM, **({"Cookie": cookie} if cookie else {})}
        answer = await live.client.post("/mtc/event", content=body, headers=headers)
        live.client.cookies.clear()
        return answer.json()["device_id"], answer.headers["set-cookie"]

    new, cookie = await device("page_url=https://acme.test/")
    assert len(new) == 32
    assert cookie.startswith(f"mautic_device_id={new}; HttpOnly; Max-Age=")
    assert cookie.endswith("SameSite=none; Secure")
    assert (await device("page_url=x", f"mautic_device_id={new}"))[0] == new
    assert (await device("page_url=x&mautic_device_id=named", f"mautic_device_id={new}"))[0] == "named"
    assert (await device("page_url=x&mautic_device_id=undefined"))[0] not in {new, "undefined"}
    assert {event["anonymous_id"] for event in await live.events()} >= {new, "named"}
    told = await live.client.get("/mtc", headers={**ORIGIN, "Cookie": "mautic_device_id=named"})
    assert told.json() == {"success": 1, "id": "named", "sid": "named", "device_id": "named"}
    assert len(await live.events()) == 4


async def test_images(live: Live) -> None:
    page = {"Referer": "http://www.acme-exemple.test/page"}
    packed = base64.b64encode(b'a:1:{s:8:"page_url";s:1:"p";}').decode()
    sent = [
        await live.client.get("/mtracking.gif?page_url=q&mautic_device_id=d", headers=page),
        await live.client.get("/mtracking.gif", params={"d": packed}, headers=page),
        await live.client.get("/mtracking.gif", headers=page),
    ]
    assert [(one.status_code, one.headers["content-type"]) for one in sent] == [(200, "image/gif")] * 3
    assert sent[0].headers["set-cookie"].endswith("SameSite=lax")
    urls = {event["properties"]["url"] for event in await live.events()}
    assert urls == {"q", "p", page["Referer"]}


async def test_who_may_send(live: Live) -> None:
    async def status(**headers: str) -> int:
        answer = await live.client.post("/mtc/event", content="page_url=x", headers={**FORM, **headers})
        return answer.status_code

    assert (
        await status() == await status(Origin="https://evil.test") == await status(Origin="https://[") == 401
    )
    assert await live.landed() == []
    assert await status(**ORIGIN) == await status(Referer="https://www.acme-exemple.test/page") == 200
    empty = await live.client.post("/mtc/event", headers={**FORM, **ORIGIN})
    assert empty.json()["success"] == 1
    assert len(await live.landed([FAILED])) == 1


PAGE = """<!doctype html><title>%s</title><script>
(function(w,d,t,u,n,a,m){w['MauticTrackingObject']=n;w[n]=w[n]||function(){(w[n].q=w[n].q||[]).push(arguments)},
a=d.createElement(t),m=d.getElementsByTagName(t)[0];a.async=1;a.src=u;m.parentNode.insertBefore(a,m)
})(window,document,'script','%s/mtc.js','mt')
mt('send', 'pageview', {}, { onload: () => { window.told = (window.told || 0) + 1 } })
mt('send', 'pageview', { email: 'ada@acme.test', page_title: 'Second' })
</script>"""


@pytest.mark.browser
@pytest.mark.slow
async def test_our_script_in_a_browser(live: Live) -> None:
    pages = {"/tarifs": PAGE % ("Nos tarifs", live.url)}
    bodies: list[str] = []
    sent: list[dict[str, str]] = []

    async def landed(count: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []

        async def there() -> bool:
            found[:] = await live.events()
            return len(found) >= count

        await eventually(there)
        return found

    async with site(pages, {}) as address, visitor() as person:

        def asked(request: Any) -> None:
            if request.url.endswith("/mtc/event") and request.method == "POST":
                bodies.append(request.post_data or "")
                sent.append(request.headers)

        person.page.on("request", asked)
        await person.page.goto(f"{address}/tarifs?utm_source=linkedin")
        events = await landed(3)
        await eventually(lambda: person.page.evaluate("window.told === 1"))
        assert [event["type"] for event in events] == ["identify", "page_view", "page_view"]
        (device,) = {event["anonymous_id"] for event in events}
        assert await person.page.evaluate("localStorage.getItem('mautic_device_id')") == device
        assert {event["properties"].get("title") for event in events[1:]} == {"Nos tarifs", "Second"}
        assert events[0]["traits"] == {"email": "ada@acme.test"}
        assert {event["context"]["utm_source"] for event in events[1:]} == {"linkedin"}

        await person.page.route("**/mtc/event", lambda route: route.abort())  # as a blocker would
        await person.page.goto(f"{address}/tarifs")
        events = await landed(6)
        assert {event["anonymous_id"] for event in events} == {device}
        await eventually(lambda: "/mtracking.gif" in person.statuses(live.url))
    assert person.statuses(live.url)["/mtracking.gif"] == {200}
    assert [error for error in person.errors if "ERR_FAILED" not in error] == []
    assert sent[0]["x-requested-with"] == "XMLHttpRequest"
    assert sent[0]["content-type"] == "application/x-www-form-urlencoded"
    theirs = next(request for request in _captured() if request.method == "POST")
    assert set(parse_qs(bodies[0], keep_blank_values=True)) == (
        set(parse_qs(theirs.body.decode(), keep_blank_values=True))
    )
