"""Links of e-mails: the pixel, the redirect, who is counted, and that nobody waits for the broker."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY

from connectors.ingest.link_tokens import Link, LinkKeys
from connectors.ingest.pixel import pixel
from tests.gateway_live import (
    Broker,
    Live,
    broker_answers,
    create_topics,
    eventually,
    live_gateway,
    running_broker,
)

pytestmark = pytest.mark.embedded

LINK_KEY = "the link key of the tests"
KEYS = LinkKeys([LINK_KEY])
TARGET = "https://www.acme.example/d%C3%A9mo?a=1&b=[2]|3#top"
CLICK = KEYS.sign(Link("click", "u-42", "demo", "m-7", TARGET))
OPEN = KEYS.sign(Link("open", "u-42", "demo", "m-7"))
PIXEL = bytes(pixel().body)
AGENT = {"User-Agent": "Mozilla/5.0 Mail"}


@pytest.fixture
def broker() -> Iterator[Broker]:
    with running_broker() as running:
        yield running


@pytest.fixture
async def live(broker: Broker) -> AsyncIterator[Live]:
    async with live_gateway(broker.bootstrap, link_keys=(LINK_KEY,)) as running:
        yield running


def _counted(result: str) -> float:
    found = REGISTRY.get_sample_value(
        "leadheat_ingested_events_total", {"protocol": "links", "result": result}
    )
    return found or 0.0


def _without_the_chance(event: dict[str, Any]) -> dict[str, Any]:
    assert event.pop("id")
    assert event.pop("time")
    return event


async def test_an_opening(live: Live) -> None:
    answer = await live.client.get(f"/o/{OPEN}.gif", headers=AGENT)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/gif")
    assert answer.content == PIXEL
    assert "no-store" in answer.headers["Cache-Control"]
    [event] = await live.events()
    assert _without_the_chance(event) == {
        "type": "email_open",
        "lead_id": "u-42",
        "properties": {"campaign": "demo", "message_id": "m-7"},
        "context": {"channel": "email", "ip": "127.0.0.1", "user_agent": "Mozilla/5.0 Mail"},
        "//topic": "email-clicks",
    }


async def test_a_click(live: Live) -> None:
    answer = await live.client.get(f"/c/{CLICK}", headers=AGENT)
    assert (answer.status_code, answer.headers["Location"]) == (302, TARGET)
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    [event] = await live.events()
    assert _without_the_chance(event) == {
        "type": "email_click",
        "lead_id": "u-42",
        "properties": {"campaign": "demo", "message_id": "m-7", "link": TARGET},
        "context": {"channel": "email", "ip": "127.0.0.1", "user_agent": "Mozilla/5.0 Mail"},
        "//topic": "email-clicks",
    }


async def test_machines_that_look_ahead_are_answered_and_not_counted(live: Live) -> None:
    for path, status in ((f"/c/{CLICK}", 302), (f"/o/{OPEN}.gif", 200)):
        assert (await live.client.head(path)).status_code == status
        ahead = {"Sec-Purpose": "prefetch;prerender"}
        assert (await live.client.get(path, headers=ahead)).status_code == status
    assert await live.landed() == []


async def test_a_bad_token_leads_nowhere_and_tells_of_nothing(live: Live) -> None:
    other = LinkKeys(["somebody else's link key"])
    forged = other.sign(Link("click", "u-42", to="https://evil.example/"))
    before = _counted("rejected")
    refused = [forged, OPEN, CLICK[:-1], CLICK + "A", "https:%2F%2Fevil.example", "x" * 20_000]
    for token in refused:
        answer = await live.client.get(f"/c/{token}")
        assert answer.status_code == 404
        assert "Location" not in answer.headers
        assert "evil" not in answer.text
    for token in (CLICK, OPEN[:-1], "x"):
        answer = await live.client.get(f"/o/{token}.gif")
        assert (answer.status_code, answer.content) == (200, PIXEL)
    assert _counted("rejected") == before + len(refused) - 1 + 3  # one is not even a path of ours
    assert await live.landed() == []


async def test_a_gateway_without_a_key_knows_no_link(broker: Broker) -> None:
    async with live_gateway(broker.bootstrap) as live:
        assert (await live.client.get(f"/c/{CLICK}")).status_code == 404
        assert (await live.client.get(f"/o/{OPEN}.gif")).content == PIXEL
        assert await live.landed() == []


async def test_a_client_with_a_very_long_name_is_counted(live: Live) -> None:
    answer = await live.client.get(f"/c/{CLICK}", headers={"User-Agent": "x" * 40_000})
    assert answer.status_code == 302
    assert len(json.dumps(await live.events())) < 2_000


SOURCES = """
mailings:
  keys: []
  ip: cut
  exclude: {networks: [198.51.100.0/24], users: [u-boss], internal: true}
slow: {keys: [], rate: {events: 0.001, burst: 1}}
calm: {keys: [], lead_rate: {events: 0.001, burst: 1}}
pages: {keys: [], types: [page_view]}
"""


def _of_source(name: str, result: str) -> float:
    labels = {"source": name, "result": result}
    return REGISTRY.get_sample_value("leadheat_source_events_total", labels) or 0.0


async def test_the_rules_of_the_source_that_a_link_names(broker: Broker, tmp_path: Path) -> None:
    path = tmp_path / "sources.yml"
    path.write_text(SOURCES)
    counts = {(one, result): _of_source(one, result) for one in ("mailings", "slow", "calm", "pages")
              for result in ("accepted", "excluded", "rejected")}  # fmt: skip

    async with live_gateway(broker.bootstrap, link_keys=(LINK_KEY,), sources=path) as live:

        async def click(source: str, lead: str, **headers: str) -> None:
            token = KEYS.sign(Link("click", lead, to=TARGET, source=source))
            answer = await live.client.get(f"/c/{token}", headers={**AGENT, **headers})
            assert answer.headers["Location"] == TARGET

        opened = KEYS.sign(Link("open", "u-1", source="mailings"))
        assert (await live.client.get(f"/o/{opened}.gif", headers=AGENT)).content == PIXEL
        await click("mailings", "u-2")
        await click("mailings", "u-boss")
        await click("mailings", "u-3", Cookie="leadheat_internal=1")
        await click("slow", "u-4")
        await click("slow", "u-5")
        await click("calm", "u-6")
        await click("calm", "u-6")
        await click("pages", "u-7")
        await click("no source any more", "u-8")
        events = await live.events()
    assert sorted((one["lead_id"], one["context"].get("ip")) for one in events) == [
        ("u-1", "127.0.0.0"),
        ("u-2", "127.0.0.0"),
        ("u-4", "127.0.0.1"),
        ("u-6", "127.0.0.1"),
        ("u-8", None),
    ]
    assert {
        one: _of_source(*one) - before for one, before in counts.items() if _of_source(*one) > before
    } == {
        ("mailings", "accepted"): 2,
        ("mailings", "excluded"): 2,
        ("slow", "accepted"): 1,
        ("slow", "rejected"): 1,
        ("calm", "accepted"): 1,
        ("calm", "rejected"): 1,
        ("pages", "rejected"): 1,
    }


async def test_an_office_is_left_out_by_its_network(broker: Broker, tmp_path: Path) -> None:
    path = tmp_path / "sources.yml"
    path.write_text("mailings: {keys: [], exclude: {networks: [127.0.0.0/8]}}\n")
    async with live_gateway(broker.bootstrap, link_keys=(LINK_KEY,), sources=path) as live:
        ours = KEYS.sign(Link("click", "u-1", to=TARGET, source="mailings"))
        for token in (ours, CLICK):
            assert (await live.client.get(f"/c/{token}", headers=AGENT)).status_code == 302
        assert [one["lead_id"] for one in await live.events()] == ["u-42"]


async def test_who_follows_a_link_that_nobody_sees_is_a_robot_and_so_are_its_other_clicks(live: Live) -> None:
    hidden = KEYS.sign(Link("click", "u-42", "demo", "m-7", TARGET, honeypot=True))
    assert (await live.client.get(f"/c/{CLICK}", headers=AGENT)).status_code == 302
    answer = await live.client.get(f"/c/{hidden}", headers=AGENT)
    assert (answer.status_code, answer.headers["Location"]) == (302, TARGET)
    first, second, retraction = sorted(await live.events(), key=lambda one: one["type"] == "retract")
    assert "bot" not in first["context"] and "honeypot" not in first["context"]
    assert second["context"]["honeypot"] is second["context"]["bot"] is True
    assert second["context"]["bot_reasons"] == ["honeypot"]
    assert retraction["properties"]["event"]["id"] == first["id"]


async def test_a_client_without_a_name_is_told_of_as_that(broker: Broker, tmp_path: Path) -> None:
    rules = tmp_path / "robots.yml"
    rules.write_text("robots: ours\nversion: 1\nrules: {empty-agent: {weight: 1}}\n")
    async with live_gateway(broker.bootstrap, link_keys=(LINK_KEY,), robots=rules) as live:
        for path in (f"/c/{CLICK}", f"/o/{OPEN}.gif"):
            request = live.client.build_request("GET", path)
            del request.headers["User-Agent"]
            await live.client.send(request)
            await live.client.get(path, headers={"User-Agent": ""})
        events = await live.events()
    assert len(events) == 4
    assert all(one["context"]["user_agent"] == "" for one in events)
    assert all(one["context"]["bot_reasons"] == ["empty-agent"] for one in events)


async def test_nobody_waits_for_the_broker_and_nothing_is_lost_while_it_is_away(broker: Broker) -> None:
    async with live_gateway(broker.bootstrap, link_keys=(LINK_KEY,), delivery_timeout_s=2.0) as live:
        broker.kill()
        async with httpx.AsyncClient(
            base_url=live.url, timeout=1.5
        ) as person:  # less than the broker may take
            for _ in range(3):
                assert (await person.get(f"/c/{CLICK}")).status_code == 302
            assert (await person.get(f"/o/{OPEN}.gif")).content == PIXEL
        broker.start()
        await eventually(lambda: broker_answers(broker.bootstrap))
        await create_topics(broker.bootstrap, live.config.topic_prefix)

        async def all_there() -> bool:
            return len({one["id"] for one in await live.events()}) == 4

        await eventually(all_there)
        assert sorted(one["type"] for one in await live.events())[-1] == "email_open"


async def test_what_the_broker_never_took_is_counted_as_lost(broker: Broker) -> None:
    before = _counted("lost")
    async with live_gateway(broker.bootstrap, link_keys=(LINK_KEY,), delivery_timeout_s=1.0) as live:
        broker.kill()
        assert (await live.client.get(f"/c/{CLICK}")).status_code == 302
    assert _counted("lost") == before + 1
