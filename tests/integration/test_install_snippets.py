"""What the board's page of installation gives to paste: pasted as it stands, with the key that it names."""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import segment.analytics as analytics

import connectors.serve
from tests.gateway_live import Live, eventually, live_gateway, running_broker
from tests.tracker_clients import installed, node, site, visitor

pytestmark = [pytest.mark.embedded, pytest.mark.node, pytest.mark.slow]

_BOARD: Final = Path(connectors.serve.__file__).parent / "board" / "js" / "install_snippets.js"
_READ: Final = """
globalThis.location = { protocol: 'http:', host: process.argv[2] }
import('./install_snippets.mjs').then(({ trackers, snippet }) =>
  console.log(JSON.stringify(trackers.map((name) => [name, snippet(name, process.argv[2])]))))
"""
_PERSON: Final = ["--disable-blink-features=AutomationControlled"]
"""Without it PostHog's library takes the browser for a robot, as it should."""

_MATOMO: Final = os.environ.get("LEADHEAT_MATOMO_JS")
"""No registry has Matomo's script: a copy's path, of any Matomo; without one its snippet is not tried."""

PAGES: Final = {
    "LeadHeat, browser script": ([], "%s"),
    "Segment, analytics.js": (
        ["@segment/analytics-next@1"],
        """<script src="/library/@segment/analytics-next/dist/umd/index.js"></script>
        <script>const { AnalyticsBrowser } = AnalyticsNext
        const analytics = %s
        analytics.page()</script>""",
    ),
    "RudderStack": (
        ["@rudderstack/analytics-js@3"],
        """<script src="/library/@rudderstack/analytics-js/dist/npm/modern/bundled/umd/index.js"></script>
        <script>window.rudderanalytics = new rudderanalytics.RudderAnalytics()
        %s
        rudderanalytics.page()</script>""",
    ),
    "Snowplow": (
        ["@snowplow/browser-tracker@4"],
        """<script src="/library/@snowplow/browser-tracker/dist/index.umd.min.js"></script>
        <script>const { newTracker, trackPageView } = snowplowBrowserTracking
        %s
        trackPageView()</script>""",
    ),
    "PostHog": (
        ["posthog-js@1"],
        """<script type="module">import posthog from "/library/posthog-js/dist/module.no-external.js"
        %s</script>""",
    ),
    "Matomo": (
        [],
        """<script>var _paq = window._paq = window._paq || []
        %s
        _paq.push(["trackPageView"])</script>
        <script async src="/matomo/matomo.js"></script>""",
    ),
    "Mautic": (
        [],
        """<script>(function(w,d,t,u,n,a,m){w['MauticTrackingObject']=n;
        w[n]=w[n]||function(){(w[n].q=w[n].q||[]).push(arguments)},a=d.createElement(t),
        m=d.getElementsByTagName(t)[0];a.async=1;a.src=u;m.parentNode.insertBefore(a,m)
        })(window,document,'script',%s,'mt');
        mt('send', 'pageview');</script>""",
    ),
}
"""Of each tracker for pages: packages, and a page as its documentation has it, but for what is pasted."""

NOT_HERE: Final = {"Google Analytics 4"}
"""Whose script only Google has."""


async def _snippets(folder: Path, host: str) -> dict[str, dict[str, str]]:
    if shutil.which("node") is None:
        pytest.skip("needs Node.js")
    shutil.copy(_BOARD, folder / "install_snippets.mjs")
    status, output = await node(folder / "node_modules", _READ, host)
    assert status == 0, output
    return dict(json.loads(output))


@asynccontextmanager
async def _gateway_for(tracker: str, folder: Path) -> AsyncIterator[tuple[Live, str]]:
    """A gateway that was told the key which the page names, and what is to be pasted."""
    told = (await _snippets(folder, "not yet known"))[tracker]["key"]
    name, _, key = told.partition("=")
    assert name == "LEADHEAT_WRITE_KEYS"
    with running_broker() as broker:
        async with live_gateway(broker.bootstrap, write_keys=(key,)) as live:
            host = live.url.removeprefix("http://")
            yield live, (await _snippets(folder, host))[tracker]["text"]


async def _landed(live: Live, of_type: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = []

    async def there() -> bool:
        found[:] = [one for one in await live.events() if one["type"] == of_type]
        return bool(found)

    await eventually(there)
    return found[0]


@pytest.mark.browser
@pytest.mark.parametrize("tracker", [one for one in PAGES if one != "Matomo" or _MATOMO is not None])
async def test_a_page_with_what_is_to_be_pasted(tracker: str, tmp_path: Path) -> None:
    packages, page = PAGES[tracker]
    folders = {}
    if packages:
        folders["/library"] = await installed(tmp_path, *packages)
    if tracker == "Matomo" and _MATOMO is not None:
        folders["/matomo"] = Path(_MATOMO).parent
    async with _gateway_for(tracker, tmp_path) as (live, text):
        pages = {"/tarifs": "<!doctype html><title>Nos tarifs</title>" + page % text}
        async with site(pages, folders) as address, visitor(_PERSON) as person:
            await person.page.goto(f"{address}/tarifs?utm_source=linkedin")
            view = await _landed(live, "page_view")
            await eventually(lambda: person.statuses(live.url))  # an event may land before it is answered
    assert view["properties"]["url"] == f"{address}/tarifs?utm_source=linkedin"
    assert view["properties"]["title"] == "Nos tarifs"
    assert view["context"]["utm_source"] == "linkedin"
    assert view["anonymous_id"]
    assert person.errors == []
    assert {status for found in person.statuses(live.url).values() for status in found} <= {200, 204}
    assert person.hosts() == {address.split("/")[2], live.url.split("/")[2]}


async def test_the_event_sent_by_hand(tmp_path: Path) -> None:
    async with _gateway_for("LeadHeat, HTTP", tmp_path) as (live, text):
        process = await asyncio.create_subprocess_exec(
            "sh", "-c", text, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        output, _ = await process.communicate()
        assert json.loads(output) == {"accepted": 1, "rejected": []}
        assert (await _landed(live, "page_view"))["properties"] == {"url": "/pricing"}


async def test_segments_library_for_servers(tmp_path: Path) -> None:
    async with _gateway_for("Segment, Python", tmp_path) as (live, text):

        def send() -> None:
            exec(text, {"analytics": analytics})
            analytics.page(anonymous_id="a-1", properties={"url": "https://acme.test/tarifs"})
            analytics.flush()
            analytics.shutdown()

        await asyncio.to_thread(send)
        assert (await _landed(live, "page_view"))["anonymous_id"] == "a-1"


async def test_every_snippet_is_tried(tmp_path: Path) -> None:
    tried = {*PAGES, *NOT_HERE, "LeadHeat, HTTP", "Segment, Python"}
    assert set(await _snippets(tmp_path, "leads.acme.example")) == tried
