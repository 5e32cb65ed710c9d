"""PostHog's own libraries, unmodified, pointed at the gateway: a server's and a browser's."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from posthog import Posthog

from tests.gateway_live import Live, eventually, live_gateway, running_broker
from tests.tracker_browser import npm_installed, site, visit

pytestmark = [pytest.mark.embedded, pytest.mark.slow]

KEY = "phc_page"
SCRIPT = """<script type=module>
  import posthog from '/library/posthog-js/dist/module.no-external.js'
  window.posthog = posthog
</script>"""
PAGES = {
    "/tarifs": f"""<title>Nos tarifs</title>{SCRIPT}
        <a id=pdf download href='/library/guide.pdf'>Guide</a> <a id=blog href='/blog'>Blog</a>""",
    "/blog": f"<title>Blog</title>{SCRIPT}",
}
TRACKING = """([api_host, key]) => posthog.init(key, {
  api_host, defaults: '2025-05-24', opt_out_useragent_filter: true, persistence: 'localStorage'
})"""
KNOWN = """() => {
  posthog.identify('u-web', { title: 'CEO', employees: 240 })
  posthog.capture('Demo Requested', { plan: 'pro' })
}"""


@pytest.fixture
async def live() -> AsyncIterator[Live]:
    with running_broker() as broker:
        async with live_gateway(broker.bootstrap, write_keys=(f"posthog:{KEY}",)) as running:
            yield running


@pytest.mark.parametrize("gzip", [False, True])
async def test_the_python_library(live: Live, gzip: bool) -> None:
    failures: list[Any] = []

    def send() -> None:
        client = Posthog(KEY, host=live.url, gzip=gzip, on_error=lambda *error: failures.append(error))
        client.capture(
            "$pageview", distinct_id="u-1", properties={"$current_url": "https://acme.test/tarifs"}
        )
        client.capture("Demo Requested", distinct_id="u-1", properties={"plan": "pro"})
        client.set(distinct_id="u-1", properties={"title": "CEO", "employees": 240})
        client.alias("a-1", "u-1")
        client.group_identify("company", "acme", {"name": "Acme"})
        client.shutdown()

    await asyncio.to_thread(send)
    assert failures == []
    events = await live.events()
    assert [event["type"] for event in events if event["type"] != "identify"] == [
        *("page_view", "demo_requested", "alias")
    ]
    assert {event.get("lead_id") for event in events} == {"u-1"}
    (traits,) = (event["traits"] for event in events if event.get("traits"))
    assert traits == {"title": "CEO", "employees": 240}


@pytest.fixture(scope="module")
async def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = await npm_installed(tmp_path_factory.mktemp("posthog"), "posthog-js@1")
    (found / "guide.pdf").write_bytes(b"%PDF-")
    return found


@pytest.mark.browser
@pytest.mark.node
async def test_the_browsers_library(live: Live, library: Path) -> None:
    async with site(PAGES, library) as host, visit() as seen:
        page = seen.page
        await page.goto(f"{host}/tarifs?utm_source=linkedin")
        await page.wait_for_function("window.posthog")
        await page.evaluate(TRACKING, [live.url, KEY])
        await _landed(live, "page_view")
        await page.click("#pdf")
        await page.evaluate(KNOWN)
        await _landed(live, "demo_requested")
        await page.click("#blog")
        await page.wait_for_url("**/blog")
        await _landed(live, "page_time")
        events = {event["type"]: event for event in await live.events()}
    assert seen.wrong == []
    view, tie, demo = events["page_view"], events["identify"], events["demo_requested"]
    assert view["properties"]["url"] == f"{host}/tarifs?utm_source=linkedin"
    assert view["properties"]["title"] == "Nos tarifs"
    assert view["context"]["utm_source"] == "linkedin"
    assert "lead_id" not in view
    assert (tie["lead_id"], tie["anonymous_id"]) == ("u-web", view["anonymous_id"])
    assert tie["traits"] == {"title": "CEO", "employees": 240}
    assert (demo["lead_id"], demo["properties"]["plan"]) == ("u-web", "pro")
    assert events["download"]["properties"]["asset"] == "guide.pdf"
    assert events["page_time"]["properties"]["duration_s"] > 0


async def _landed(live: Live, of_type: str) -> None:
    async def there() -> bool:
        return any(event["type"] == of_type for event in await live.events())

    await eventually(there)
