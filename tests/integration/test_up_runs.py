"""`leadheat up` from end to end: event in, score and alert out; children die and come back; it stops."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from deploy.embedded import store
from tests.integration.processes import runs, until
from tests.integration.up_running import Up, running

pytestmark = [pytest.mark.embedded, pytest.mark.slow]

_PRICING = "https://example.com/tarifs"


@pytest.fixture(scope="module")
def up() -> Iterator[Up]:
    with running() as one:
        yield one


def _buyer(lead: str) -> list[dict[str, object]]:
    """Events that make a lead hot at once: fit 35, engagement 50."""
    traits = {"title": "CEO", "employees": 250, "email": f"{lead}@acme-industries.com"}
    asked = {"type": "demo_requested", "lead_id": lead}
    return [
        {"type": "identify", "lead_id": lead, "traits": traits},
        *({"type": "page_view", "lead_id": lead, "properties": {"url": _PRICING}} for _ in range(2)),
        asked,
    ]


def _score(up: Up, lead: str) -> float | None:
    with up.client() as client:
        try:
            answer = client.get(f"/v1/leads/{lead}")
        except httpx.TransportError:
            return None
        return float(answer.json()["score"]) if answer.status_code == 200 else None


def _sent(up: Up, events: list[dict[str, object]]) -> bool:
    try:
        return up.send(*events).status_code == 200
    except httpx.TransportError:
        return False


def _scored(up: Up, lead: str) -> None:
    until(lambda: _sent(up, _buyer(lead)))
    until(lambda: (_score(up, lead) or 0) > 60)


def test_greets_with_addresses_and_keys(up: Up) -> None:
    assert up.said("board").startswith(f"{up.url}/#key=")
    assert up.said("events") == f"{up.url}/v1/events"
    assert up.said("kafka") == f"127.0.0.1:{up.kafka_port}"
    assert up.said("grid").startswith("b2b-fr, version 3")
    assert "matomo:*" in up.said("protocols").split()
    assert any("is gone when this stops" in line for line in up.out)


def test_an_event_becomes_a_score_and_an_alert(up: Up) -> None:
    _scored(up, "u-first")
    until(lambda: any("u-first" in line for line in up.out))
    assert not any("Traceback" in line for line in up.err)


def test_one_page_of_metrics_holds_those_of_all_children(up: Up) -> None:
    _scored(up, "u-metrics")

    def shown() -> str:
        return httpx.get(f"{up.url}/metrics", trust_env=False).text

    wanted = ("leadheat_http_requests_total{", "leadheat_events_total{", "leadheat_alerts_total{")
    until(lambda: all(name in shown() for name in wanted))
    assert httpx.get(f"{up.url}/readyz", trust_env=False).status_code == 200


def test_without_a_key_nothing_is_taken_or_told(up: Up) -> None:
    assert httpx.get(f"{up.url}/v1/leads", trust_env=False).status_code == 401
    assert httpx.post(f"{up.url}/v1/events", json={}, trust_env=False).status_code == 401
    keys = (up.said("write key"), up.said("read key"))
    for pid in up.children():
        line = Path(f"/proc/{pid}/cmdline").read_text()
        assert not any(key in line for key in keys)


@pytest.mark.parametrize("word", ["worker", "deploy.web", "notify", "accounts"])
def test_a_killed_role_comes_back(up: Up, word: str) -> None:
    old = up.child(word)
    os.kill(old, signal.SIGKILL)
    until(lambda: not runs(old) and _there(up, word))
    _scored(up, f"u-after-{word}")
    assert any("ended with SIGKILL; it starts again in" in line for line in up.err)


def test_a_lost_store_is_filled_again(up: Up) -> None:
    _scored(up, "u-before-store")
    old = up.child(str(store.binary()))
    os.kill(old, signal.SIGKILL)
    until(lambda: any("the cache is empty" in line for line in up.err))
    until(lambda: (_score(up, "u-before-store") or 0) > 60)
    assert not runs(old)


def test_a_lost_broker_is_told_plainly_and_everything_starts_anew(up: Up) -> None:
    os.kill(up.child("tansu"), signal.SIGKILL)
    until(lambda: any("all events, scores and alerts so far are gone" in line for line in up.err))
    until(
        lambda: any("broker, store, worker, web, notify, accounts: running again" in line for line in up.err)
    )
    _scored(up, "u-after-broker")
    assert _score(up, "u-first") is None


def _there(up: Up, word: str) -> bool:
    try:
        up.child(word)
    except AssertionError:
        return False
    return True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stops_cleanly(number: signal.Signals) -> None:
    with running() as one:
        children = one.children()
        assert len(children) == 6
        one.process.send_signal(number)
        assert one.ended() == 0
        assert not any(runs(pid) for pid in children)
        until(lambda: any("LeadHeat has stopped" in line for line in one.err))
        assert not any("Traceback" in line for line in one.err)


def test_killed_outright_it_leaves_no_orphan() -> None:
    with running() as one:
        children = one.children()
        one.process.kill()
        until(lambda: not any(runs(pid) for pid in children))
        assert len(children) == 6
