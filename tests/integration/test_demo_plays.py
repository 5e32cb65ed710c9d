"""`leadheat up --demo` from end to end: six weeks in seconds, scored as the file is, alerts, last words."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.office.team import load_team
from deploy import settings
from deploy.demo.generator import LEADS, LEFT_ALONE, generate
from deploy.demo.team import DEMO_TEAM
from deploy.settings import DEFAULT_GRID
from scorer.files import score_lines
from scorer.grid import load_grid
from scorer.plan import Plan
from scorer.reading import Reader
from scorer.times import SECOND, Micros, parse_time
from tests.environment import with_settings
from tests.integration.processes import until
from tests.integration.up_running import Up, running

pytestmark = [pytest.mark.embedded, pytest.mark.slow]

_PLAN = Plan(load_grid(DEFAULT_GRID))
_LASTS_S = 30


@pytest.fixture(scope="module")
def up() -> Iterator[Up]:
    with running("--demo", settings={"LEADHEAT_DEMO_LASTS_S": str(_LASTS_S)}) as one:
        until(lambda: any("curl" in line for line in one.err), within_s=120)
        yield one


def _get(up: Up, path: str, **params: str) -> Any:
    with up.client() as client:
        answer = client.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()


def _leads(up: Up) -> list[dict[str, Any]]:
    return list(_get(up, "/v1/leads", limit="500")["leads"])


def _end(up: Up) -> Micros:
    """The moment at which the clocks met: the visitor who came back did so half an hour before."""
    events = _get(up, f"/v1/leads/{_comes_back(up)}/timeline", limit="200")["events"]
    back = max(parse_time(event["time"]) for event in events if event["type"] == "page_view")
    return Micros(back + 30 * 60 * SECOND)


def _comes_back(up: Up) -> str:
    def found() -> list[str]:
        return [lead["lead_id"] for lead in _leads(up) if lead["traits"].get("last_name") == "Benali"]

    until(lambda: bool(found()))
    return found()[0]


def test_scores_are_those_of_the_same_events_in_a_file(up: Up) -> None:
    end = _end(up)
    lines = [
        ("sample", number, json.dumps(event).encode()) for number, (_, event) in enumerate(generate(end))
    ]
    until(lambda: len(_leads(up)) == LEADS)
    until(lambda: _get(up, "/v1/status")["catching_up"] is None)
    live = {lead["lead_id"]: lead for lead in _leads(up)}
    at = max(settings.wall_clock(), *(parse_time(lead["as_of"]) for lead in live.values()))
    filed = {record["lead_id"]: record for record in score_lines(lines, _PLAN, at)}
    assert live.keys() == filed.keys()
    reader = Reader(_PLAN)
    for lead_id, lead in live.items():
        assert reader.score(lead, at) == pytest.approx(filed[lead_id]["score"], abs=1e-6), lead_id
        assert lead["traits"] == filed[lead_id]["traits"]


def test_sales_was_alerted_and_those_who_cooled_went_to_nurturing(up: Up) -> None:
    until(lambda: any("Benali" in line for line in up.out))
    alerts = _get(up, "/v1/alerts", limit="500")["alerts"]
    plays = Counter(alert["play"] for alert in alerts)
    assert plays["call-now"] > 15
    assert plays["nurture"] > 5
    assert plays["wake-up"] > 0
    cooled = [alert["play"] for alert in alerts if alert["lead_id"] == LEFT_ALONE]
    assert cooled == ["nurture", "call-now"]


def test_leads_that_turned_hot_were_given_to_the_team_with_something_to_do(up: Up) -> None:
    until(lambda: all(_get(up, f"/v1/leads/{lead}/plays")["tasks"] for lead in _hot(up)))
    plays = [_get(up, f"/v1/leads/{lead}/plays") for lead in _hot(up)]
    people = {person.name for person in load_team(DEMO_TEAM).people.values()}
    assert {one["assigned"]["name"] for one in plays} == people
    assert {task["what"] for one in plays for task in one["tasks"]} == {"call"}


def _hot(up: Up) -> list[str]:
    return [lead["lead_id"] for lead in _get(up, "/v1/leads", tier="hot", limit="500")["leads"]]


def test_the_last_words_work_as_they_stand(up: Up) -> None:
    [command] = [line for line in up.err if line.startswith("demo | curl ")]
    before = len(_get(up, "/v1/alerts", limit="500")["alerts"])
    done = subprocess.run(
        ["sh", "-c", command.removeprefix("demo | ")], capture_output=True, text=True, timeout=60
    )
    assert json.loads(done.stdout) == {"accepted": 1, "rejected": []}, done.stderr
    until(lambda: len(_get(up, "/v1/alerts", limit="500")["alerts"]) > before)
    newest = _get(up, "/v1/alerts", limit="1")["alerts"][0]
    assert (newest["play"], newest["lead_id"]) == ("call-now", LEFT_ALONE)


def test_nothing_went_wrong_on_the_way(up: Up) -> None:
    assert not any(
        word in line for line in up.err for word in ("Traceback", "WARNING", "rejected", "again in")
    )
    told = [line for line in up.err if "sample events sent" in line]
    assert told[-1].count(f"{len(generate(_end(up))):,}") == 2


def test_the_player_alone_fills_a_machine_that_is_no_demonstration() -> None:
    with running() as one:
        told = with_settings({"LEADHEAT_WRITE_KEYS": one.said("write key")})
        done = subprocess.run(
            [sys.executable, "-m", "deploy.demo.player", one.url],
            env=told,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        until(lambda: len(_leads(one)) == LEADS)


def test_a_key_that_is_refused_ends_the_player_with_a_reason() -> None:
    with running() as one:
        done = subprocess.run(
            [sys.executable, "-m", "deploy.demo.player", one.url],
            env=with_settings({"LEADHEAT_WRITE_KEYS": "wk-of-somebody-else"}),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 1
        assert "answered 401" in done.stderr
        assert "Traceback" not in done.stderr
