"""Segment's own libraries, unmodified, pointed at the gateway."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from segment.analytics.client import Client

from tests.gateway_live import KEY, Live, live_gateway, running_broker

pytestmark = pytest.mark.embedded

NODE_SCRIPT = """
const { Analytics } = require('@segment/analytics-node')
const [host, writeKey] = process.argv.slice(2)
const analytics = new Analytics({ host, writeKey, maxRetries: 3 })
analytics.on('error', (error) => { console.error(error); process.exitCode = 1 })
const anonymousId = 'a-node'
analytics.page({ anonymousId, name: 'Tarifs', properties: { url: 'https://acme.test/tarifs' } })
analytics.track({ anonymousId, event: 'Whitepaper Downloaded', properties: { asset: 'wp.pdf' } })
analytics.identify({ anonymousId, userId: 'u-node', traits: { jobTitle: 'CTO', company: { name: 'Acme' } } })
analytics.group({ userId: 'u-node', groupId: 'c-1', traits: { name: 'Acme', employees: 12 } })
analytics.alias({ userId: 'u-node', previousId: 'u-older' })
analytics.screen({ userId: 'u-node', name: 'Espace client' })
analytics.track({ userId: 'u-node', event: 'Email Opened', properties: { campaign_name: 'demo' } })
analytics.closeAndFlush()
"""


@pytest.fixture
async def live() -> AsyncIterator[Live]:
    with running_broker() as broker:
        async with live_gateway(broker.bootstrap) as running:
            yield running


@pytest.mark.parametrize("packed", [False, True])
async def test_the_python_library(live: Live, packed: bool) -> None:
    failures: list[object] = []
    ago = datetime.now(UTC) - timedelta(days=3)

    def visit() -> None:
        client = Client(
            KEY,
            host=live.url,
            gzip=packed,
            max_retries=2,
            on_error=lambda error, items: failures.append((error, items)),
        )
        client.page(anonymous_id="a-py", name="Tarifs", properties={"path": "/tarifs"}, timestamp=ago)
        client.track(anonymous_id="a-py", event="Demo Requested", properties={"planType": "pro"})
        client.identify("u-py", {"firstName": "Ada"}, anonymous_id="a-py")
        client.group("u-py", "c-1", {"name": "Acme", "employees": "12"})
        client.alias("u-older", "u-py")
        client.track("u-py", "Email Link Clicked", {"link_url": "https://acme.test/demo"})
        client.flush()
        client.join()

    await asyncio.to_thread(visit)
    assert failures == []
    events = {event["type"] + event.get("lead_id", ""): event for event in await live.events()}
    assert sorted(events) == [
        "aliasu-py",
        "demo_requested",
        "email_clicku-py",
        "identifyu-py",
        "page_view",
    ]
    assert events["demo_requested"]["properties"] == {"plan_type": "pro", "event": "Demo Requested"}
    assert events["aliasu-py"]["properties"] == {"previous_id": "u-older"}
    assert events["email_clicku-py"]["properties"]["link"] == "https://acme.test/demo"
    off = datetime.fromisoformat(events["page_view"]["time"]) - ago
    assert abs(off) < timedelta(minutes=1)


async def test_the_python_library_hears_of_a_bad_key(live: Live) -> None:
    failures: list[object] = []

    def visit() -> None:
        client = Client("guess", host=live.url, on_error=lambda error, _: failures.append(error))
        client.track("u-py", "Demo Requested")
        client.flush()
        client.join()

    await asyncio.to_thread(visit)
    assert len(failures) == 1
    assert await live.events() == []


@pytest.fixture(scope="session")
def node_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("node")


async def _run(*command: str, folder: Path) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


@pytest.mark.node
@pytest.mark.slow
async def test_the_node_library(live: Live, node_folder: Path) -> None:
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("needs Node.js and npm")
    (node_folder / "package.json").write_text("{}")
    status, output = await _run(
        "npm", "install", "--no-audit", "--no-fund", "@segment/analytics-node@3", folder=node_folder
    )
    if status != 0:
        pytest.skip(f"npm could not install the library: {output[-300:]}")
    (node_folder / "visit.cjs").write_text(NODE_SCRIPT)
    status, output = await _run("node", "visit.cjs", live.url, KEY, folder=node_folder)
    assert (status, output) == (0, "")
    events = await live.events()
    assert sorted((event["type"], event.get("lead_id", "")) for event in events) == [
        ("alias", "u-node"),
        ("download", ""),
        ("email_open", "u-node"),
        ("identify", "u-node"),
        ("identify", "u-node"),
        ("page_view", ""),
        ("page_view", "u-node"),
    ]
    traits = {name: value for event in events for name, value in event.get("traits", {}).items()}
    assert traits == {"job_title": "CTO", "company": "Acme", "employees": 12}
    opened = next(event for event in events if event["type"] == "email_open")
    assert opened["properties"] == {"campaign": "demo", "event": "Email Opened"}
