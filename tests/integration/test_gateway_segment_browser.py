"""Segment's browser library, unmodified, in a real browser: settings, preflights, one by one, in batches."""

from pathlib import Path
from typing import Any

import pytest

from tests.gateway_live import KEY, Live, eventually, live_gateway, running_broker
from tests.tracker_browser import USER_AGENT, npm_installed, site, visit

pytestmark = [pytest.mark.embedded, pytest.mark.browser, pytest.mark.node, pytest.mark.slow]

PAGES = {"/tarifs": "<title>Nos tarifs</title><script src='/library/index.js'></script>"}
VISIT = """async ([writeKey, cdnURL, batching]) => {
  const strategy = { strategy: 'batching', config: { size: 3, timeout: 200 } }
  const analytics = AnalyticsNext.AnalyticsBrowser.load({ writeKey, cdnURL }, batching
    ? { integrations: { 'Segment.io': { deliveryStrategy: strategy } } } : {})
  await analytics.page()
  await analytics.track('Whitepaper Downloaded', { file_name: 'wp.pdf' })
  await analytics.identify('u-web', { firstName: 'Ada', company: { name: 'Acme' } })
}"""


@pytest.fixture(scope="module")
async def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    installed = await npm_installed(tmp_path_factory.mktemp("segment"), "@segment/analytics-next@1")
    return installed / "@segment" / "analytics-next" / "dist" / "umd"


@pytest.mark.parametrize("batching", [False, True])
async def test_a_visit(library: Path, batching: bool) -> None:
    with running_broker() as broker:
        async with live_gateway(broker.bootstrap) as live, site(PAGES, library) as host, visit() as seen:
            await seen.page.goto(f"{host}/tarifs?utm_source=linkedin&utm_campaign=q4")
            await seen.page.evaluate(VISIT, [KEY, live.url, batching])
            events = await _three(live)
        assert seen.wrong == []
        paths = {one.replace(live.url, "") for one in seen.asked if live.url in one}
        assert f"GET /v1/projects/{KEY}/settings" in paths
        assert ("POST /v1/b" in paths) == batching
        assert [event["type"] for event in events] == ["page_view", "download", "identify"]
        view, download, identify = events
        assert view["properties"]["url"].startswith(f"{host}/tarifs")
        assert view["properties"]["title"] == "Nos tarifs"
        assert view["context"]["utm_campaign"] == "q4"
        assert view["context"]["user_agent"] == USER_AGENT
        assert view["context"]["channel"] == "browser"
        assert download["properties"]["asset"] == "wp.pdf"
        assert download["anonymous_id"] == view["anonymous_id"] == identify["anonymous_id"]
        assert identify["lead_id"] == "u-web"
        assert identify["traits"] == {"first_name": "Ada", "company": "Acme"}
        assert {one.split("/")[2] for one in seen.asked if "data:" not in one} <= {
            host.split("/")[2],
            live.url.split("/")[2],
        }


async def _three(live: Live) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    async def there() -> bool:
        found[:] = await live.events()
        return len(found) >= 3

    await eventually(there)
    return found
