"""Snowplow's browser library with its plugins, unmodified, in a real browser: by POST and by GET."""

from pathlib import Path
from typing import Any

import pytest

from tests.gateway_live import Live, eventually, live_gateway, running_broker
from tests.tracker_browser import USER_AGENT, npm_installed, site, visit

pytestmark = [pytest.mark.embedded, pytest.mark.browser, pytest.mark.node, pytest.mark.slow]

PLUGINS = ("browser-plugin-link-click-tracking", "browser-plugin-form-tracking")
SCRIPTS = "".join(
    f"<script src='/library/{name}/dist/index.umd.min.js'></script>" for name in ("browser-tracker", *PLUGINS)
)
PAGES = {
    "/tarifs": f"""<title>Nos tarifs</title>{SCRIPTS}
        <a id=pdf target=_blank download href='/library/guide.pdf'>Guide</a> <a id=blog href='/blog'>Blog</a>
        <form id=demo onsubmit='return false'><input name=email type=email><button>Demo</button></form>
        <div style='height: 4000px'></div>""",
    "/blog": "<title>Blog</title>",
}
TRACKING = """([collector, more]) => {
  const sp = snowplowBrowserTracking
  const plugins = [
    snowplowLinkClickTracking.LinkClickTrackingPlugin(), snowplowFormTracking.FormTrackingPlugin()]
  sp.newTracker('sp', collector, { appId: 'shop', plugins, ...more })
  snowplowLinkClickTracking.enableLinkClickTracking()
  snowplowFormTracking.enableFormTracking()
  sp.enableActivityTracking({ minimumVisitLength: 1, heartbeatDelay: 1 })
  sp.trackPageView()
}"""
KNOWN = """() => {
  snowplowBrowserTracking.setUserId('u-web')
  snowplowBrowserTracking.trackStructEvent({ category: 'offre', action: 'Demo Requested', value: 2 })
}"""


@pytest.fixture(scope="module")
async def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    names = ("browser-tracker", *PLUGINS)
    found = await npm_installed(
        tmp_path_factory.mktemp("snowplow"), *(f"@snowplow/{name}@4" for name in names)
    )
    (found / "@snowplow" / "guide.pdf").write_bytes(b"%PDF-")
    return found / "@snowplow"


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"eventMethod": "post"}, "POST /com.snowplowanalytics.snowplow/tp2"),
        ({"eventMethod": "post", "postPath": "/com.acme/tp", "keepalive": True}, "POST /com.acme/tp"),
        ({"eventMethod": "get"}, "GET /i?"),
    ],
)
async def test_a_visit(library: Path, more: dict[str, Any], path: str) -> None:
    with running_broker() as broker:
        async with (
            live_gateway(broker.bootstrap, write_keys=("snowplow:shop",)) as live,
            site(PAGES, library) as host,
            visit() as seen,
        ):
            page = seen.page
            await page.goto(f"{host}/tarifs?utm_source=linkedin&utm_campaign=q4")
            await page.evaluate(TRACKING, [live.url, more])
            await _landed(live, "page_view")
            await page.mouse.wheel(0, 500)
            await _landed(live, "page_time")
            await page.click("#pdf")
            await page.fill("#demo input", "ada@acme.test")
            await page.click("#demo button")
            await page.evaluate(KNOWN)
            await _landed(live, "form_submit")
            await page.click("#blog")
            await page.wait_for_url("**/blog")
            if "keepalive" not in more:  # leaving may cut it off: the next page sends it
                await page.goto(f"{host}/tarifs")
                await page.evaluate(TRACKING, [live.url, more])
            await _landed(live, "link_click")
            events = {event["type"]: event for event in reversed(await live.events())}  # the first of each
        sent = {one.replace(live.url, "") for one in seen.asked if live.url in one}
        assert seen.wrong == []
        assert all(one.startswith((path, "OPTIONS")) for one in sent)
        assert {"demo_requested", "identify", "download"} <= set(events)
        view, download, tie = events["page_view"], events["download"], events["identify"]
        assert view["properties"] == {"url": page_url(host), "title": "Nos tarifs"}
        assert view["context"]["utm_campaign"] == "q4"
        assert view["context"]["user_agent"] == USER_AGENT
        assert view["context"]["channel"] == "browser"
        assert "lead_id" not in view
        assert download["properties"]["asset"] == "guide.pdf"
        assert events["form_submit"]["properties"]["fields"] == ["email"]
        assert "ada@acme.test" not in str(events)
        assert (tie["lead_id"], tie["anonymous_id"]) == ("u-web", view["anonymous_id"])


def page_url(host: str) -> str:
    return f"{host}/tarifs?utm_source=linkedin&utm_campaign=q4"


async def _landed(live: Live, of_type: str) -> None:
    async def there() -> bool:
        return any(event["type"] == of_type for event in await live.events())

    await eventually(there)


async def test_who_asks_to_stay_unknown(library: Path) -> None:
    more = {"eventMethod": "post", "anonymousTracking": {"withServerAnonymisation": True}}
    with running_broker() as broker:
        async with (
            live_gateway(broker.bootstrap, write_keys=("snowplow:shop",)) as live,
            site(PAGES, library) as host,
            visit() as seen,
        ):
            await seen.page.goto(f"{host}/tarifs")
            async with seen.page.expect_response(lambda answer: answer.request.method == "POST") as answer:
                await seen.page.evaluate(TRACKING, [live.url, more])
            assert (await answer.value).status == 200
            assert await live.landed() == []
        assert seen.wrong == []
