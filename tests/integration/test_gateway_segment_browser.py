"""Segment's browser library, unmodified, in a real browser: settings, preflights, one by one, in batches."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.async_api import Error, Page, async_playwright
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from deploy.ports import free_ports
from tests.gateway_live import KEY, Live, eventually, live_gateway, running_broker

pytestmark = [pytest.mark.embedded, pytest.mark.browser, pytest.mark.node, pytest.mark.slow]

PAGE = "<!doctype html><title>Nos tarifs</title><script src='/library/index.js'></script>"
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
    if shutil.which("npm") is None:
        pytest.skip("needs npm")
    folder = tmp_path_factory.mktemp("browser")
    (folder / "package.json").write_text("{}")
    npm = await asyncio.create_subprocess_exec(
        *("npm", "install", "--no-audit", "--no-fund", "@segment/analytics-next@1"),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await npm.communicate()
    if npm.returncode:
        pytest.skip(f"npm could not install the library: {output.decode()[-300:]}")
    return folder / "node_modules" / "@segment" / "analytics-next" / "dist" / "umd"


async def _page(_: Request) -> Response:
    return HTMLResponse(PAGE)


@asynccontextmanager
async def _site(library: Path) -> AsyncIterator[str]:
    """A site with the library on it, of another origin than the gateway's."""
    app = Starlette(routes=[Route("/tarifs", _page), Mount("/library", StaticFiles(directory=library))])
    server = uvicorn.Server(uvicorn.Config(app, port=free_ports(1)[0], log_config=None))
    serving = asyncio.create_task(server.serve())
    try:
        await eventually(lambda: server.started)
        yield f"http://localhost:{server.config.port}"
    finally:
        server.should_exit = True
        await serving


@asynccontextmanager
async def _browser_page() -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        try:
            browser = await playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
        except Error as error:
            pytest.skip(f"no Chromium here: {str(error)[:200]}")
        try:
            yield await browser.new_page(user_agent="Mozilla/5.0 Visitor")
        finally:
            await browser.close()


@pytest.mark.parametrize("batching", [False, True])
async def test_a_visit(library: Path, batching: bool) -> None:
    with running_broker() as broker:
        async with live_gateway(broker.bootstrap) as live, _site(library) as site, _browser_page() as page:
            asked: list[str] = []
            page.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
            await page.goto(f"{site}/tarifs?utm_source=linkedin&utm_campaign=q4")
            await page.evaluate(VISIT, [KEY, live.url, batching])
            events = await _three(live)
        paths = {one.replace(live.url, "") for one in asked if live.url in one}
        assert f"GET /v1/projects/{KEY}/settings" in paths
        assert ("POST /v1/b" in paths) == batching
        assert [event["type"] for event in events] == ["page_view", "download", "identify"]
        view, download, identify = events
        assert view["properties"]["url"].startswith(f"{site}/tarifs")
        assert view["properties"]["title"] == "Nos tarifs"
        assert view["context"]["utm_campaign"] == "q4"
        assert view["context"]["user_agent"] == "Mozilla/5.0 Visitor"
        assert view["context"]["channel"] == "browser"
        assert download["properties"]["asset"] == "wp.pdf"
        assert download["anonymous_id"] == view["anonymous_id"] == identify["anonymous_id"]
        assert identify["lead_id"] == "u-web"
        assert identify["traits"] == {"first_name": "Ada", "company": "Acme"}
        assert {one.split("/")[2] for one in asked} <= {site.split("/")[2], live.url.split("/")[2]}


async def _three(live: Live) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    async def there() -> bool:
        found[:] = await live.events()
        return len(found) >= 3

    await eventually(there)
    return found
