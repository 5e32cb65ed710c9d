"""Named sources on a real broker: what lands in the topics, what is answered, what browsers are let read."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from tests.gateway_live import Broker, Live, eventually, live_gateway, running_broker

pytestmark = pytest.mark.embedded

SITE = "https://www.acme.example"
SOURCES = """
website:
  keys: [wk_live_page]
  protocols: [events, segment]
  origins: [https://www.acme.example]
  ip: cut
  exclude: {networks: [198.51.100.0/24], users: [u-boss], internal: true}
  mapping: {events: {Page Engaged: page_time}}
crm:
  keys: [wk_live_crm]
slow:
  keys: [wk_live_slow]
  rate: {events: 0.5, burst: 3}
calm:
  keys: [wk_live_calm]
  lead_rate: {events: 0.5, burst: 2}
"""


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with running_broker() as one:
        yield one


@asynccontextmanager
async def gateway(broker: Broker, folder: Path, **more: Any) -> AsyncIterator[Live]:
    path = folder / "sources.yml"
    path.write_text(SOURCES)
    async with live_gateway(broker.bootstrap, sources=path, **more) as running:
        yield running


@pytest.fixture
async def live(broker: Broker, tmp_path: Path) -> AsyncIterator[Live]:
    async with gateway(broker, tmp_path) as running:
        yield running


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_rights_and_what_comes_of_the_rest(live: Live) -> None:
    events = [{"type": one, "lead_id": "u-1"} for one in ("page_view", "outcome", "alias", "retract")]
    events[3]["properties"] = {"event": {"id": "e", "type": "page_view", "lead_id": "u-1"}}  # type: ignore[assignment]
    answer = await live.post(events, "wk_live_page")
    assert answer.json() == {
        "accepted": 1,
        "rejected": [
            {"index": place, "error": f"type: this key may not send {of_type}"}
            for place, of_type in enumerate(("outcome", "alias", "retract"), 1)
        ],
    }
    before = counted("leadheat_refused_requests_total", reason="not_allowed")
    refused = await live.post(events[1], "wk_live_page")
    assert (refused.status_code, refused.json()["error"]) == (403, "type: this key may not send outcome")
    assert counted("leadheat_refused_requests_total", reason="not_allowed") == before + 1
    assert (await live.post(events, "wk_live_crm")).json()["accepted"] == 4


async def test_its_own_people_are_answered_like_others_and_not_published(live: Live) -> None:
    def excluded() -> float:
        return counted("leadheat_source_events_total", source="website", result="excluded")

    before = excluded()
    own: list[dict[str, Any]] = [
        {"type": "page_view", "lead_id": "u-boss"},
        {"type": "page_view", "anonymous_id": "a-1", "context": {"ip": "198.51.100.7"}},
        {"type": "page_view", "anonymous_id": "a-1", "properties": {"internal": True}},
    ]
    other = {"id": "e-1", "type": "page_view", "anonymous_id": "a-2", "context": {"ip": "203.0.113.77"}}
    for body, accepted in ((own, 3), ([*own, other], 4), (own[0], 1)):
        answer = await live.post(body, "wk_live_page")
        assert (answer.status_code, answer.json()) == (200, {"accepted": accepted, "rejected": []})
    headers = {"Cookie": "leadheat_internal=1", "Authorization": "Bearer wk_live_page"}
    assert (await live.client.post("/v1/events", json=other, headers=headers)).json()["accepted"] == 1
    assert excluded() == before + 8
    (landed,) = await live.events()
    assert (landed["id"], landed["context"]) == ("e-1", {"ip": "203.0.113.0"})


async def test_a_source_s_own_mapping_counts_by_a_tracker_s_protocol(live: Live) -> None:
    call = {"event": "Page Engaged", "anonymousId": "a-1", "properties": {"seconds": 9}}
    auth = ("wk_live_page", "")
    for body in (call, {**call, "event": "Outcome"}, {**call, "context": {"ip": "203.0.113.77"}}):
        answer = await live.client.post("/v1/track", json=body, auth=auth)
        assert answer.status_code == (403 if body["event"] == "Outcome" else 200)
    found = await live.events()
    assert [one["type"] for one in found] == ["page_time", "page_time"]
    assert [one["context"].get("ip") for one in found if one["context"].get("ip")] == ["203.0.113.0"]


async def test_dead_letters_hold_no_whole_address(live: Live) -> None:
    batch = [
        {"type": "track", "event": "A", "anonymousId": "a"},
        {"type": "nonsense", "context": {"ip": "203.0.113.77"}},
    ]
    await live.client.post("/v1/batch", json={"batch": batch}, auth=("wk_live_page", ""))
    (dead,) = await live.landed(["failed"])
    assert b"nonsense" in dead.value and b"203.0.113" not in dead.value


@pytest.mark.parametrize(
    ("origin", "key", "status", "allowed"),
    [
        (SITE, "wk_live_page", 200, True),
        (f"{SITE}.evil.example", "wk_live_page", 403, False),
        ("https://evil-www.acme.example", "wk_live_page", 403, False),
        ("http://www.acme.example", "wk_live_page", 403, False),
        (f"{SITE}:8443", "wk_live_page", 403, False),
        ("null", "wk_live_page", 403, False),
        (None, "wk_live_page", 200, False),
        ("https://other.example", "wk_live_crm", 200, True),
        ("null", "wk_live_crm", 200, False),
    ],
)
async def test_origins(live: Live, origin: str | None, key: str, status: int, allowed: bool) -> None:
    headers = {"Authorization": f"Bearer {key}"} | ({} if origin is None else {"Origin": origin})
    event = {"type": "page_view", "lead_id": "u-1"}
    answer = await live.client.post("/v1/events", json=event, headers=headers)
    assert answer.status_code == status
    assert answer.headers["Vary"] == "Origin"
    assert answer.headers.get("Access-Control-Allow-Origin") == (origin if allowed else None)
    assert ("Access-Control-Allow-Credentials" in answer.headers) == allowed


async def test_preflights_where_every_source_lists_its_origins(broker: Broker, tmp_path: Path) -> None:
    path = tmp_path / "sources.yml"
    path.write_text(
        f'one: {{keys: [wk_live_one], origins: ["{SITE}"]}}\ntwo: {{keys: [wk_live_two], origins: []}}'
    )
    async with live_gateway(broker.bootstrap, sources=path, write_keys=()) as live:
        for origin, allowed in ((SITE, True), (f"{SITE}.evil.example", False), ("null", False)):
            asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
            answer = await live.client.options("/v1/events", headers=asked)
            assert ("Access-Control-Allow-Origin" in answer.headers) == allowed


async def test_a_source_that_sends_too_fast_waits_and_others_do_not(live: Live) -> None:
    events = [{"type": "page_view", "lead_id": f"u-{number}"} for number in range(5)]
    assert (await live.post(events, "wk_live_slow")).status_code == 200  # a burst may run into debt
    refused = await live.post(events[0], "wk_live_slow")
    assert refused.status_code == 429 and int(refused.headers["Retry-After"]) in (5, 6)
    assert "0.5 events a second" in refused.json()["error"]
    assert (await live.post(events, "wk_live_crm")).status_code == 200


async def test_one_hot_lead_holds_up_no_other(live: Live) -> None:
    hot, other = {"type": "page_view", "lead_id": "u-hot"}, {"type": "page_view", "lead_id": "u-other"}
    answer = await live.post([hot, hot, hot, other, hot], "wk_live_calm")
    assert answer.json()["accepted"] == 3
    assert [one["index"] for one in answer.json()["rejected"]] == [2, 4]
    refused = await live.post(hot, "wk_live_calm")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "2")
    assert (await live.post(other, "wk_live_calm")).status_code == 200


async def test_an_address_that_sends_too_fast_waits_whatever_its_keys(broker: Broker, tmp_path: Path) -> None:
    async with gateway(broker, tmp_path, requests_per_address=2.0) as live:
        event = {"type": "page_view", "lead_id": "u-1"}
        answers = [
            await live.post(event, key) for key in ("wk_live_crm", "guess-1", "guess-2", "wk_live_crm")
        ]
        assert [one.status_code for one in answers][:2] == [200, 401]
        assert answers[-1].status_code == 429 and answers[-1].headers["Retry-After"] == "1"
        assert (await live.client.get("/healthz")).status_code == 200


async def test_a_revoked_key_is_refused_without_a_restart(live: Live) -> None:
    event = {"type": "page_view", "lead_id": "u-1"}
    assert live.config.sources is not None
    assert (await live.post(event, "wk_live_crm")).status_code == 200
    live.config.sources.write_text(SOURCES.replace("wk_live_crm", "wk_live_new"))

    async def revoked() -> bool:
        return (await live.post(event, "wk_live_crm")).status_code == 401

    await eventually(revoked)
    assert (await live.post(event, "wk_live_new")).status_code == 200
