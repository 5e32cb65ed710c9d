"""Matomo's protocol: a capture sent again, its forms and answers, its clients in Node.js and a browser."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from scorer.times import parse_time
from scorer.topics import FAILED
from tests.gateway_live import CAPTURES, KEY, Live, eventually, live_gateway, running_broker
from tests.tracker_clients import installed, node, site, visitor
from tests.tracker_replay import captured, send

pytestmark = pytest.mark.embedded

TOKEN = "32charsecrettoken0123456789abcdef"
KEYS = (KEY, TOKEN, "matomo:1", "matomo:7", "ga4:G-1")
PERSON = "b1d6c3aa54a04a9d"
HUGO = "hugo.lefevre@logistix-exemple.com"
NODE_SCRIPT = """
const MatomoTracker = require('matomo-tracker')
const tracker = new MatomoTracker(1, process.argv[2] + '/matomo.php', true)
tracker.on('error', (error) => { console.error(error); process.exitCode = 1 })
const _id = '00112233445566aa'
tracker.track({ url: 'https://acme.test/tarifs', action_name: 'Tarifs', _id, rand: 'x1' })
tracker.trackBulk([
  { url: 'https://acme.test/wp', download: 'https://acme.test/wp.pdf', _id },
  { url: 'https://acme.test/wp', e_c: 'Demo', e_a: 'Requested', uid: 'u-node', _id },
], (answer) => console.log(answer))
"""


@pytest.fixture
async def live() -> AsyncIterator[Live]:
    with running_broker() as broker:
        async with live_gateway(broker.bootstrap, write_keys=KEYS) as running:
            yield running


async def test_what_the_node_library_sent(live: Live) -> None:
    path = CAPTURES / "trackers" / "matomo-tracker-npm.jsonl"
    if not path.is_file():
        pytest.skip("the captures are not on this machine: set LEADHEAT_CAPTURES")
    answers = []
    for request in captured(path):
        live.clock.now = request.received
        answers.append(await send(live.url, request.wire))
    assert {answer.status for answer in answers} == {200}
    assert [answer.headers["content-type"] for answer in answers[:4]] == ["image/gif"] * 4
    assert json.loads(answers[4].body) == {"status": "success", "tracked": 5, "invalid": 0}
    events = await live.events()

    def short(event: dict[str, Any]) -> tuple[Any, ...]:
        return (
            event["time"][5:19],
            event["type"],
            event.get("lead_id"),
            event["properties"].get("url", "")[27:],
        )

    assert [short(event) for event in events if event["type"] != "identify" and "time" in event] == [
        ("11-20T13:10:14", "page_view", None, "/blog/lead-scoring"),
        ("11-20T13:11:14", "page_view", None, "/tarifs"),
        ("11-20T13:12:14", "page_time", None, "/tarifs"),
        ("11-23T13:03:34", "page_view", None, "/tarifs"),
        ("11-23T13:05:14", "download", None, "/ressources/livre-blanc"),
        ("11-23T13:05:15", "page_view", HUGO, "/ressources/livre-blanc"),
        ("11-23T13:10:14", "email_click", HUGO, "/ressources/livre-blanc"),
    ]
    assert {event.get("anonymous_id") for event in events} == {PERSON}
    by_type = {event["type"]: event for event in events}
    assert by_type["page_time"]["properties"]["duration_s"] == 60
    assert by_type["download"]["properties"]["asset"] == "livre-blanc.pdf"
    assert by_type["email_click"]["properties"]["campaign"] == "nurture-2"
    goal = by_type["goal"]  # the one without a time of its own: it happened when it came
    assert (goal["lead_id"], goal["properties"]["goal"], goal["properties"]["revenue"]) == (HUGO, 3, 120)
    assert "time" not in goal
    ties = [event for event in events if event["type"] == "identify"]
    assert {(tie["lead_id"], tie["anonymous_id"]) for tie in ties} == {(HUGO, PERSON)}
    assert {"industry": "Logistics", "title": "Head of Growth"} in [tie["traits"] for tie in ties]
    assert {event["context"]["ip"] for event in events if event["type"] != "identify"} == {"203.0.113.9"}
    (nobody,) = await live.landed([FAILED])
    assert b"/contact" in nobody.value
    assert not [one for one in await live.landed() if TOKEN.encode() in one.value]


QUERY = "idsite=1&rec=1&_id=00112233445566aa&url=https%3A%2F%2Facme.test%2Ftarifs"


async def test_every_form_and_answer(live: Live) -> None:
    post, get = live.client.post, live.client.get
    packed = {"Content-Type": "application/x-www-form-urlencoded"}
    sent = [
        await get(f"/matomo.php?{QUERY}"),
        await get(f"/piwik.php?{QUERY}&send_image=0"),
        await post(f"/matomo.php?{QUERY}"),
        await post("/matomo.php", content=QUERY),
        await post("/matomo.php", content=QUERY + "&send_image=0", headers=packed),
        await post(f"/matomo.php?{QUERY}", content="action_name=Tarifs"),
        await live.client.head(f"/matomo.php?{QUERY}"),
    ]
    assert [one.status_code for one in sent] == [200, 204, 200, 200, 204, 200, 200]
    assert sent[0].content.startswith(b"GIF89a")
    assert sent[0].headers["Cache-Control"].startswith("no-store")
    events = await live.events()
    assert [event["type"] for event in events] == ["page_view"] * 6
    assert len([event for event in events if event["properties"].get("title") == "Tarifs"]) == 1


async def test_bulk(live: Live) -> None:
    requests = [
        f"?{QUERY}",
        {"idsite": 7, "rec": 1, "uid": "u", "url": "https://acme.test/", "e_c": "a", "e_a": "b", "e_v": 2},
        "?idsite=1&rec=1&url=https://acme.test/of-nobody&token_auth=canary",
        7,
        "?rec=1",
    ]
    answer = await live.client.post("/matomo.php", json={"requests": requests, "token_auth": "canary"})
    assert (answer.status_code, answer.json()) == (200, {"status": "success", "tracked": 2, "invalid": 3})
    assert sorted(event["type"] for event in await live.events()) == ["b", "page_view"]
    dead = await live.landed([FAILED])
    assert len(dead) == 3
    assert not [one for one in dead if b"canary" in one.value]
    half = '{"requests":["?' + QUERY + '&action_name=x\\ud83d"]}'
    assert (await live.client.post("/matomo.php", content=half)).json()["tracked"] == 1


async def test_who_may_send(live: Live) -> None:
    async def status(query: str, body: bytes = b"") -> int:
        return (await live.client.post(f"/matomo.php{query}", content=body)).status_code

    bulk = b'{"requests":["?idsite=%s&rec=1&uid=u&url=x"],"token_auth":"%s"}'
    assert await status("?idsite=2&rec=1&uid=u&url=x") == 401
    assert await status("", b"idsite=2&rec=1&uid=u&url=x") == 401
    assert await status("?idsite=1", bulk % (b"2", b"")) == 401
    assert await status("?idsite=G-1&rec=1&uid=u&url=x") == 403
    assert await status("") == await status("", b'{"requests":[]}') == 401
    assert await live.landed() == []
    assert await status(f"?idsite=2&rec=1&uid=u&url=x&token_auth={TOKEN}") == 200
    assert await status("", bulk % (b"2", TOKEN.encode())) == 200
    assert await status("", b'{"requests":[],"token_auth":"%s"}' % TOKEN.encode()) == 200
    assert await status("", b"{") == await status("", b'{"requests":7}') == 400
    assert await status("", b"&".join(b"a%d" % place for place in range(2_000))) == 400


async def test_a_batch_of_old_times_needs_a_token_of_ours(live: Live) -> None:
    live.clock.now = parse_time("2026-11-01T09:00:00Z")
    for token in ("guess", TOKEN):
        query = f"{QUERY}&cdt=2026-10-01+08:00:00&token_auth={token}"
        assert (await live.client.get(f"/matomo.php?{query}")).status_code == 200
    assert [event.get("time") for event in await live.events()] == [None, "2026-10-01T08:00:00Z"]


@pytest.mark.node
@pytest.mark.slow
async def test_the_node_library(live: Live, tmp_path: Path) -> None:
    modules = await installed(tmp_path, "matomo-tracker@2")
    status, output = await node(modules, NODE_SCRIPT, live.url)
    assert (status, json.loads(output)) == (0, {"status": "success", "tracked": 2, "invalid": 0})
    events = {event["type"]: event for event in await live.events()}
    assert sorted(events) == ["download", "identify", "page_view", "requested"]
    assert events["identify"]["lead_id"] == "u-node"
    assert events["identify"]["anonymous_id"] == "00112233445566aa"


LIBRARY = """<!doctype html><title>Nos tarifs</title><script type="module">
  import MatomoTracker from '/library/src/MatomoTracker.js'
  window.MatomoTracker = MatomoTracker
</script>"""
APP = """async (urlBase) => {
  const tracker = new MatomoTracker({ urlBase, siteId: 1, userId: 'u-app' })
  const answers = [
    await tracker.trackScreenView({ name: 'Tarifs' }),
    await tracker.trackEvent({ category: 'Demo', action: 'Requested' }),
    await tracker.trackDownload({ download: 'https://acme.test/wp.pdf' }),
  ]
  return answers.map((answer) => answer.status)
}"""
BEACONS = """async (gateway) => {
  const told = new URLSearchParams({ idsite: 1, rec: 1, _id: '00112233445566aa', r: '123456',
    url: location.href, action_name: document.title, pv_id: 'aB3xZ9', send_image: 0 }).toString()
  const type = 'application/x-www-form-urlencoded; charset=UTF-8'
  return [
    navigator.sendBeacon(`${gateway}/matomo.php?${told}`),
    navigator.sendBeacon(`${gateway}/matomo.php`, new Blob([told.replace('123456', '7')], { type })),
  ]
}"""


@pytest.mark.browser
@pytest.mark.node
@pytest.mark.slow
async def test_a_library_in_a_browser(live: Live, tmp_path: Path) -> None:
    modules = await installed(tmp_path, "matomo-tracker-react-native@0.3")
    libraries = {"/library": modules / "matomo-tracker-react-native"}
    async with site({"/tarifs": LIBRARY}, libraries) as address, visitor() as person:
        await person.page.goto(f"{address}/tarifs")
        assert await person.page.evaluate(APP, live.url) == [204] * 3
        assert person.errors == []
    assert sorted(event["type"] for event in await live.events()) == ["download", "page_view", "requested"]
    assert {event["lead_id"] for event in await live.events()} == {"u-app"}


@pytest.mark.browser
@pytest.mark.slow
async def test_beacons_as_the_site_s_script_sends_them(live: Live) -> None:
    page = "<!doctype html><title>Nos tarifs</title>"
    async with site({"/tarifs": page}, {}) as address, visitor() as person:
        await person.page.goto(f"{address}/tarifs?mtm_campaign=q4")
        assert await person.page.evaluate(BEACONS, live.url) == [True, True]

        async def both() -> bool:
            return len(await live.events()) == 2

        await eventually(both)
    for event in await live.events():
        assert event["properties"] == {"url": f"{address}/tarifs?mtm_campaign=q4", "title": "Nos tarifs"}
        assert (event["context"]["utm_campaign"], event["context"]["channel"]) == ("q4", "browser")
