"""Robots through a running gateway: marked, taken back, counted; people's events left as they are."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from connectors.ingest.config import GatewayConfig
from connectors.ingest.errors import ConfigError
from connectors.ingest.gateway import create_app
from scorer.times import SECOND, Micros, format_time, parse_time
from tests.gateway_live import KEY, Live, live_gateway, running_broker

pytestmark = pytest.mark.embedded

T0 = parse_time("2026-09-14T07:00:00Z")
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0"
CRAWLER = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


@pytest.fixture
async def live() -> AsyncIterator[Live]:
    with running_broker() as broker:
        async with live_gateway(broker.bootstrap) as running:
            yield running


def click(name: str, after: int) -> dict[str, Any]:
    return {
        "id": name,
        "type": "email_click",
        "lead_id": "u-1",
        "time": format_time(T0 + after * SECOND),
        "properties": {"message_id": "m-1", "link": f"https://www.example.com/{name}"},
        "context": {"ip": "203.0.113.9", "user_agent": BROWSER},
    }


async def robots_found(live: Live, reason: str) -> float:
    text = (await live.client.get("/metrics")).text
    lines = [line for line in text.splitlines() if f'leadheat_robots_total{{reason="{reason}"}}' in line]
    return float(lines[0].split()[-1]) if lines else 0.0


async def test_a_scan_that_comes_in_several_requests_is_taken_back(live: Live) -> None:
    before = await robots_found(live, "all-links")
    clicks = [click(f"c{number}", 60 + number) for number in range(5)]
    for after, some in ((62, clicks[:2]), (64, clicks[2:4]), (65, clicks[4:])):
        live.clock.now = Micros(T0 + after * SECOND)
        answer = await live.post(some)
        assert answer.json() == {"accepted": len(some), "rejected": []}
    events = await live.events()
    published = [event for event in events if event["type"] == "email_click"]
    assert [(event["id"], event["context"].get("bot", False)) for event in published] == [
        ("c0", False),
        ("c1", False),
        ("c2", False),
        ("c3", False),
        ("c4", True),
    ]
    assert published[-1]["context"]["bot_reasons"] == ["all-links", "burst"]
    retractions = [event for event in events if event["type"] == "retract"]
    assert [event["properties"]["event"] for event in retractions] == clicks[:4]
    assert {(event["//topic"], event["lead_id"], event["time"]) for event in retractions} == {
        ("signals", "u-1", format_time(T0 + 65 * SECOND))
    }
    assert await robots_found(live, "all-links") == before + 5


async def test_a_crawler_on_the_site_is_marked_by_whatever_tracker(live: Live) -> None:
    call = {"type": "page", "anonymousId": "a-1", "properties": {"url": "https://www.example.com/"}}
    for agent in (CRAWLER, BROWSER):
        context = {"context": {"userAgent": agent, "library": {"name": "analytics.js"}}}
        answer = await live.client.post("/v1/page", json=call | context, auth=(KEY, ""))
        assert answer.status_code == 200
    marked = {event["context"]["user_agent"]: event["context"].get("bot") for event in await live.events()}
    assert marked == {CRAWLER: True, BROWSER: None}


async def test_rules_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "robots.yml"
    path.write_text("robots: ours\nversion: 3\nrules:\n  all-links: {links: 2, within: 2s}\n")
    with running_broker() as broker:
        async with live_gateway(broker.bootstrap, robots=path) as live:
            live.clock.now = Micros(T0 + 9 * SECOND)
            await live.post([click("a", 1), click("b", 2), click("c", 8)])
            found = {event["id"]: event["context"].get("bot_rules") for event in await live.events()}
    assert found == {"a": "ours/3", "b": "ours/3", "c": None}


def test_wrong_rules_are_refused_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "robots.yml"
    path.write_text("robots: ours\nversion: 3\nrules: {all-links: {links: many}}\n")
    config = GatewayConfig("127.0.0.1:1", "t", (KEY,), lambda: T0, robots=path)
    with pytest.raises(ConfigError, match=r"robots.yml:3: rules.all-links.links: "):
        create_app(config)
