"""RudderStack's own libraries, unmodified: Python, Node.js, and the browser's with both of its queues."""

import asyncio
import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rudderstack.analytics.client import Client

from scorer.times import parse_time
from tests.gateway_live import KEY, Live, eventually, live_gateway, running_broker
from tests.tracker_clients import installed, node, site, visitor

pytestmark = pytest.mark.embedded

BASIC = {"Authorization": "Basic " + base64.b64encode(f"{KEY}:".encode()).decode()}
PAGE = "<!doctype html><title>Nos tarifs</title><script src='/library/index.js'></script>"
LOAD = """async ([writeKey, gateway, useBeacon]) => {
  const events = ["Page Unloaded"]
  const analytics = new rudderanalytics.RudderAnalytics()
  analytics.load(writeKey, gateway, {
    configUrl: gateway, useBeacon, beaconQueueOptions: { flushQueueInterval: 500 },
    autoTrack: useBeacon ? { enabled: true, options: { pageLifecycle: { enabled: true, events } } } : {},
  })
  await new Promise((resolve) => analytics.ready(resolve))
  analytics.page()
  analytics.track('Whitepaper Downloaded', { file_name: 'wp.pdf' })
  analytics.identify('u-web', { firstName: 'Ada', company: { name: 'Acme' } })
  analytics.group('c-1', { name: 'Acme', employees: 12 })
  analytics.alias('u-new')
}"""
NODE_SCRIPT = """
const Analytics = require('@rudderstack/rudder-sdk-node')
const [dataPlaneUrl, writeKey] = process.argv.slice(2)
const analytics = new Analytics(writeKey, { dataPlaneUrl, flushAt: 20 })
const anonymousId = 'a-node'
const timestamp = new Date('2026-10-01T09:00:00Z')
analytics.page({ anonymousId, name: 'Tarifs', timestamp, properties: { url: 'https://acme.test/tarifs' } })
analytics.track({ anonymousId, event: 'Whitepaper Downloaded', properties: { asset: 'wp.pdf' } })
analytics.identify({ anonymousId, userId: 'u-node', traits: { jobTitle: 'CTO' } })
analytics.alias({ userId: 'u-node', previousId: 'u-older' })
analytics.flush((error) => { if (error) { console.error(error); process.exitCode = 1 } })
"""


@pytest.fixture
async def live() -> AsyncIterator[Live]:
    with running_broker() as broker:
        async with live_gateway(broker.bootstrap) as running:
            yield running


@pytest.mark.parametrize("packed", [True, False])
async def test_the_python_library(live: Live, packed: bool) -> None:
    failures: list[object] = []
    ago = datetime.now(UTC) - timedelta(days=3)

    def visit() -> None:
        client = Client(KEY, host=live.url, gzip=packed, on_error=lambda *error: failures.append(error))
        client.page(anonymous_id="a-py", name="Tarifs", properties={"path": "/tarifs"}, timestamp=ago)
        client.track(anonymous_id="a-py", event="Demo Requested")
        client.identify("u-py", {"firstName": "Ada"}, anonymous_id="a-py")
        client.alias("u-older", "u-py")
        client.flush()
        client.join()

    await asyncio.to_thread(visit)
    assert failures == []
    events = {event["type"]: event for event in await live.events()}
    assert sorted(events) == ["alias", "demo_requested", "identify", "page_view"]
    assert abs(datetime.fromisoformat(events["page_view"]["time"]) - ago) < timedelta(minutes=1)
    assert events["alias"]["properties"] == {"previous_id": "u-older"}


@pytest.mark.node
@pytest.mark.slow
async def test_the_node_library(live: Live, tmp_path: Path) -> None:
    modules = await installed(tmp_path, "@rudderstack/rudder-sdk-node@3")
    assert (await node(modules, NODE_SCRIPT, live.url, KEY))[0] == 0
    events = {event["type"]: event for event in await live.events()}
    assert sorted(events) == ["alias", "download", "identify", "page_view"]
    off = parse_time(events["page_view"]["time"]) - parse_time("2026-10-01T09:00:00Z")
    assert abs(off) < 60_000_000


@pytest.fixture(scope="module")
async def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    modules = await installed(tmp_path_factory.mktemp("rudder"), "@rudderstack/analytics-js@3")
    return modules / "@rudderstack" / "analytics-js" / "dist" / "npm" / "modern" / "bundled" / "umd"


@pytest.mark.browser
@pytest.mark.node
@pytest.mark.slow
@pytest.mark.parametrize("beacon", [False, True])
async def test_a_visit_in_a_browser(live: Live, library: Path, beacon: bool) -> None:
    expected = ["page_view", "download", "identify", "identify", "alias"]
    expected += ["page_time"] if beacon else []
    async with site({"/tarifs": PAGE}, {"/library": library}) as address, visitor() as person:
        await person.page.goto(f"{address}/tarifs?utm_source=linkedin&utm_campaign=q4")
        await person.page.evaluate(LOAD, [KEY, live.url, beacon])
        if beacon:
            await person.page.goto("about:blank")
        events: list[dict[str, Any]] = []

        async def there() -> bool:
            events[:] = await live.events()
            return len(events) >= len(expected)

        await eventually(there)
        if not beacon:  # whose answers the browser does not tell of
            calls = {f"/v1/{call}" for call in ("page", "track", "identify", "group", "alias")}
            await eventually(lambda: calls <= set(person.statuses(live.url)))
    assert sorted(event["type"] for event in events) == sorted(expected)
    assert person.statuses(live.url)["/sourceConfig/"] == {200}
    assert all(found == {200} for found in person.statuses(live.url).values())
    assert person.hosts() == {address.split("/")[2], live.url.split("/")[2]}
    assert person.errors == []
    by_type = {event["type"]: event for event in events}
    view = by_type["page_view"]
    assert view["properties"]["url"].startswith(f"{address}/tarifs")
    assert view["properties"]["title"] == "Nos tarifs"
    assert view["context"]["utm_campaign"] == "q4"
    assert by_type["download"]["properties"]["asset"] == "wp.pdf"
    assert by_type["download"]["anonymous_id"] == view["anonymous_id"]
    tied, grouped = (event for event in events if event["type"] == "identify")
    traits = tied["traits"] | grouped["traits"]
    assert (tied["lead_id"], tied["anonymous_id"]) == ("u-web", view["anonymous_id"])
    assert traits == {"first_name": "Ada", "company": "Acme", "employees": 12}
    assert by_type["alias"]["lead_id"] == "u-new"
    assert by_type["alias"]["properties"] == {"previous_id": "u-web"}
    if beacon:
        assert by_type["page_time"]["properties"]["duration_s"] > 0


async def test_the_source_s_configuration_is_for_keys_of_ours(live: Live) -> None:
    async def status(headers: dict[str, str], **query: str) -> int:
        return (await live.client.get("/sourceConfig/", params=query, headers=headers)).status_code

    assert await status(BASIC) == await status({}, writeKey=KEY) == 200
    assert await status({}) == await status({}, writeKey="guess") == 401


async def test_the_moment_of_sending_may_stand_in_the_header(live: Live) -> None:
    live.clock.now = parse_time("2026-11-01T09:00:00Z")
    message = {"type": "track", "event": "x", "userId": "u", "originalTimestamp": "2026-11-01T07:00:00Z"}
    sent = {**BASIC, "SentAt": "2026-11-01T08:00:00Z", "AnonymousId": "YS0x"}
    assert (await live.client.post("/v1/track", json=message, headers=sent)).status_code == 200
    assert [event["time"] for event in await live.events()] == ["2026-11-01T08:00:00Z"]


async def test_images(live: Live) -> None:
    query = {"writeKey": KEY, "anonymousId": "a-1", "properties.url": "https://acme.test/tarifs"}
    track = {**query, "event": "Whitepaper Downloaded", "properties.file_name": "wp.pdf", "a.b.c": "1"}
    sent = [
        await live.client.get("/pixel/v1/page", params={**query, "name": "Tarifs"}),
        await live.client.get("/pixel/v1/track", params=track),
        await live.client.head("/pixel/v1/page", params=query),
    ]
    assert [(one.status_code, one.headers["content-type"]) for one in sent] == [(200, "image/gif")] * 3
    view, download = sorted(await live.events(), key=lambda event: str(event["type"]), reverse=True)
    assert (view["type"], view["properties"]["url"]) == ("page_view", "https://acme.test/tarifs")
    assert (download["type"], download["properties"]["asset"]) == ("download", "wp.pdf")
    assert (await live.client.get("/pixel/v1/page", params={**query, "writeKey": "guess"})).status_code == 401
    odd = {**query, "properties": "x", "." * 50: "y"}
    assert (await live.client.get("/pixel/v1/page", params=odd)).status_code == 400
