"""The main job, whole: what people did comes in over HTTP, the right score, reasons and alerts come out."""

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from scorer.times import format_time, parse_time
from tests.gateway_live import CAPTURES
from tests.integration.processes import until
from tests.integration.up_running import Up, running
from tests.oracle import naive_score
from tests.oracle.agreement import differences
from tests.serve_live import running_store
from tests.tracker_replay import captured, send

pytestmark = [pytest.mark.embedded, pytest.mark.slow]

GRID = Path("deploy/grids/b2b-fr.yml")
KEYS = {"LEADHEAT_WRITE_KEYS": "wk_test,wk_demo_server,segment:wk_demo_browser"}
PERSON = "u_10423"
VISITORS = {
    "segment-analytics-python.jsonl": "a7c5e1f0-6f3b-4b0e-9f55-2d3a1c9b7e10",
    "segment-analytics-next-browser.jsonl": "aee83625-1e26-450a-99c6-4dd0199abae4",
}


@pytest.fixture(scope="module")
def up() -> Iterator[Up]:
    with running(settings=KEYS) as process:
        yield process


def naive(events: list[dict[str, Any]], at: str) -> list[dict[str, Any]]:
    lines = [("timeline", number, json.dumps(event).encode()) for number, event in enumerate(events, 1)]
    return naive_score(lines, yaml.safe_load(GRID.read_text(encoding="utf-8")), parse_time(at))


def timeline(up: Up, lead: str) -> list[dict[str, Any]]:
    with up.client() as client:
        answer = client.get(f"/v1/leads/{lead}/timeline", params={"limit": 500})
        found: list[dict[str, Any]] = answer.json().get("events", []) if answer.status_code == 200 else []
        return found


@pytest.mark.parametrize("capture", VISITORS)
def test_the_person_of_a_recorded_session_is_one_lead(up: Up, capture: str) -> None:
    path = CAPTURES / "trackers" / capture
    if not path.is_file():
        pytest.skip("the captures are not on this machine: set LEADHEAT_CAPTURES")
    answers = [asyncio.run(send(up.url, request.wire)) for request in captured(path)]
    assert {answer.status // 100 for answer in answers} == {2}
    with up.client() as client:
        until(lambda: VISITORS[capture] in _identities(client, PERSON), within_s=30)
        until(lambda: client.get(f"/v1/leads/{VISITORS[capture]}").json()["lead_id"] == PERSON, within_s=30)
        until(lambda: len(timeline(up, PERSON)) >= len(answers) // 2, within_s=30)
        record = client.get(f"/v1/leads/{PERSON}").json()
    (expected,) = naive(timeline(up, PERSON), record["as_of"])
    assert [said for said in differences([record], [expected]) if ": since " not in said] == []
    assert {"pricing-page", "whitepaper"} <= record["contributions"].keys()
    assert record["traits"]["company"] == "BatiPlus"


def _identities(client: Any, lead: str) -> list[str]:
    answer = client.get(f"/v1/leads/{lead}")
    return answer.json()["identities"] if answer.status_code == 200 else []


def visits(number: int, since: int) -> list[dict[str, object]]:
    """What one lead does: enough to be hot at its end."""
    who = {"lead_id": f"k-{number}"}
    page = {"url": "https://www.acme.fr/tarifs", "duration_s": 600}
    traits = {"title": "Directrice", "email": f"k{number}@dupont.example", "employees": 150}
    kinds = ["identify", "page_view", "page_time", "page_view", "demo_requested"]
    return [
        {
            "id": f"{number}-{step}",
            "type": kind,
            "time": format_time(since + step * 1_000_000),
            **who,
            **({"traits": traits} if kind == "identify" else {"properties": page}),
        }
        for step, kind in enumerate(kinds)
    ]


def test_nothing_is_lost_or_doubled_when_the_worker_is_killed_and_the_store_emptied(tmp_path: Path) -> None:
    since = parse_time("2026-11-20T08:00:00Z")
    events = [visits(number, since) for number in range(60)]
    with (
        running_store(tmp_path) as store,
        running("--redis", store.url, settings=KEYS) as up,
        up.client() as client,
    ):
        for number, lead in enumerate(events):
            assert up.send(*lead).status_code == 200
            if number in (15, 30, 45):
                _kill(up, "worker")
        until(lambda: len(_leads(client)) == len(events), within_s=90)
        until(lambda: len(_alerts(client)) >= len(events), within_s=90)
        until(lambda: all(lead["tier"] == "hot" for lead in _leads(client)), within_s=90)
        before = {lead["lead_id"]: lead["contributions"].keys() for lead in _leads(client)}
        alerts = _alerts(client)
        assert sorted(alert["lead_id"] for alert in alerts) == sorted(f"k-{n}" for n in range(60))
        with store.client() as cache:
            cache.flushall()
        until(lambda: client.get("/v1/leads").status_code == 200 and len(_leads(client)) == 60, within_s=90)
        after = _leads(client)
        assert {lead["lead_id"]: lead["contributions"].keys() for lead in after} == before
        for lead in after[:10]:
            (expected,) = naive(events[int(lead["lead_id"][2:])], lead["as_of"])
            assert [said for said in differences([lead], [expected]) if ": since " not in said] == []
        assert {alert["id"] for alert in _alerts(client)} == {alert["id"] for alert in alerts}


def _leads(client: Any) -> list[dict[str, Any]]:
    answer = client.get("/v1/leads", params={"limit": 500})
    return answer.json()["leads"] if answer.status_code == 200 else []


def _alerts(client: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/v1/alerts", params={"limit": 500}).json()["alerts"]
    return found


def _kill(up: Up, word: str) -> None:
    until(lambda: len(up.found(word)) == 1, within_s=30)  # one killed before may not be back yet
    os.kill(up.child(word), signal.SIGKILL)
