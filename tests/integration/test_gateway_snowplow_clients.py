"""Snowplow's own libraries, unmodified, pointed at the gateway."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from snowplow_tracker import (
    EmitterConfiguration,
    PagePing,
    PageView,
    SelfDescribing,
    SelfDescribingJson,
    Snowplow,
    StructuredEvent,
    Subject,
    TrackerConfiguration,
)

from tests.gateway_live import Live, live_gateway, running_broker
from tests.tracker_browser import npm_installed

pytestmark = pytest.mark.embedded

TARIFS = "https://acme.test/tarifs"
NODE_SCRIPT = """
const { newTracker, buildPageView, buildStructEvent, buildSelfDescribingEvent } =
  require("@snowplow/node-tracker")
const [endpoint, eventMethod] = process.argv.slice(2)
const failed = (count, error) => { console.error(count, error); process.exitCode = 1 }
const tracker = newTracker({ namespace: 'sp', appId: 'shop', encodeBase64: true },
  { endpoint, eventMethod, bufferSize: 1, retryFailedRequests: true, onRequestFailure: failed })
tracker.setDomainUserId('d-node')
tracker.track(buildPageView({ pageUrl: 'https://acme.test/tarifs', pageTitle: 'Nos tarifs' }))
tracker.setUserId('u-node')
tracker.track(buildStructEvent({ category: 'offre', action: 'Demo Requested', value: 2 }))
tracker.track(buildSelfDescribingEvent({ event: {
  schema: 'iglu:com.acme/whitepaper_downloaded/jsonschema/1-0-0', data: { fileName: 'é.pdf' } } }),
  [{ schema: 'iglu:com.acme/plan/jsonschema/1-0-0', data: { plan: '???' } }])
tracker.flush()
"""


@pytest.fixture
async def live() -> AsyncIterator[Live]:
    with running_broker() as broker:
        async with live_gateway(broker.bootstrap, write_keys=("snowplow:shop",)) as running:
            yield running


def _visit(live: Live, method: str, app_id: str, packed: bool) -> list[object]:
    """What could not be sent of a visit."""
    failures: list[object] = []
    emitter = EmitterConfiguration(
        batch_size=3,
        on_failure=lambda sent, unsent: failures.extend(unsent),
        custom_retry_codes={},
    )
    tracker = Snowplow.create_tracker(
        namespace=f"{method}-{live.url}-{app_id}",
        endpoint=live.url,
        method=method,
        app_id=app_id,
        subject=Subject().set_domain_user_id("d-py").set_lang("fr-FR").set_timezone("Europe/Paris"),
        tracker_config=TrackerConfiguration(encode_base64=packed),
        emitter_config=emitter,
    )
    tracker.track(PageView(page_url=TARIFS, page_title="Nos tarifs"))
    tracker.track(PagePing(page_url=TARIFS, page_title="Nos tarifs", max_y=300))
    link = SelfDescribingJson(
        "iglu:com.snowplowanalytics.snowplow/link_click/jsonschema/1-0-1",
        {"targetUrl": "https://acme.test/é.pdf"},
    )
    tracker.track(SelfDescribing(link))
    known = Subject().set_domain_user_id("d-py").set_user_id("u-py")
    tracker.track(StructuredEvent(category="offre", action="Demo Requested", value=2, event_subject=known))
    tracker.flush()
    Snowplow.remove_tracker(tracker)
    return failures


@pytest.mark.parametrize("method", ["post", "get"])
@pytest.mark.parametrize("packed", [False, True])
async def test_the_python_library(live: Live, method: str, packed: bool) -> None:
    assert await asyncio.to_thread(_visit, live, method, "shop", packed) == []
    events = {event["type"]: event for event in await live.events()}
    assert sorted(events) == ["demo_requested", "download", "identify", "page_time", "page_view"]
    assert events["page_view"]["anonymous_id"] == "d-py"
    assert events["page_view"]["properties"] == {"url": TARIFS, "title": "Nos tarifs"}
    assert (
        events["page_view"]["context"] | {"locale": "fr-FR", "timezone": "Europe/Paris"}
        == (events["page_view"]["context"])
    )
    assert events["download"]["properties"]["asset"] == "é.pdf"
    assert events["demo_requested"]["properties"]["value"] == 2
    assert events["identify"] | {"lead_id": "u-py", "anonymous_id": "d-py"} == events["identify"]
    assert "ip" not in events["page_view"]["context"]  # it would be the server's


async def test_the_python_library_hears_of_an_unknown_app_id_and_gives_up(live: Live) -> None:
    assert len(await asyncio.to_thread(_visit, live, "post", "guess", False)) == 4
    assert await live.landed() == []


@pytest.mark.node
@pytest.mark.slow
async def test_the_node_library(live: Live, tmp_path: Path) -> None:
    if shutil.which("node") is None:
        pytest.skip("needs Node.js")
    await npm_installed(tmp_path, "@snowplow/node-tracker@4")
    (tmp_path / "visit.cjs").write_text(NODE_SCRIPT)
    for method in ("post", "get"):
        process = await asyncio.create_subprocess_exec(
            *("node", "visit.cjs", live.url, method),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        assert (process.returncode, output.decode()) == (0, "")
    events = await live.events()
    of_a_visit = ["demo_requested", "download", "identify", "identify", "page_view"]
    assert sorted(event["type"] for event in events) == sorted(of_a_visit * 2)
    assert {event["anonymous_id"] for event in events} == {"d-node"}
    assert {event["properties"]["file_name"] for event in events if event["type"] == "download"} == {"é.pdf"}
