"""A lead heats up within a day, through the running product: one alert, why no other, and when again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.processes import until
from tests.integration.up_running import Up, running

pytestmark = [pytest.mark.embedded, pytest.mark.slow]
GRID = """
grid: heating
version: 1
scores: {engagement: {min: 0, max: 100}}
criteria:
  - {id: visit, label: {fr: Visite, en: Visit}, score: engagement, points: 10, event: page_view}
  - {id: left, score: engagement, points: -25, event: unsubscribe}
tiers: [{id: cold}, {id: hot, from: 90}]
hysteresis: 5
plays:
  - {id: heats-up, when: {gains: 20, within: 1d}, do: [{alert: sales}]}
"""
LEAD = "u-7"


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    grid: Path = tmp_path_factory.mktemp("grid") / "heating.yml"
    grid.write_text(GRID)
    with running("--grid", str(grid)) as one:
        yield one


def _asked(up: Up, path: str) -> dict[str, Any]:
    with up.client() as client:
        try:
            answer = client.get(path)
        except httpx.TransportError:
            return {}
    return dict(answer.json()) if answer.status_code == 200 else {}


def _play(up: Up) -> dict[str, Any]:
    """How the play stands for the lead, by the API."""
    (play,) = _asked(up, f"/v1/leads/{LEAD}/plays").get("plays") or [{}]
    return dict(play)


def _happens(up: Up, kind: str, score: float, gained: float) -> dict[str, Any]:
    """Something happens; how the play stands once that is scored, and its event known."""
    assert up.send({"type": kind, "lead_id": LEAD}).status_code == 200
    until(lambda: _asked(up, f"/v1/leads/{LEAD}").get("score") == score)
    until(lambda: _play(up).get("gained") == gained)
    return _play(up)


def _short(gained: float) -> list[dict[str, Any]]:
    return [{"of": None, "needs": 20, "has": gained, "points": 20 - gained}]


def _raised(up: Up) -> list[dict[str, Any]]:
    """The alerts, the oldest first."""
    return list(reversed(_asked(up, "/v1/alerts").get("alerts", [])))


def _alerted(up: Up, count: int) -> dict[str, Any]:
    """The newest of so many alerts, once the play is known to have gone off by it."""
    until(lambda: len(_raised(up)) >= count)
    newest = _raised(up)[-1]
    until(lambda: _play(up).get("last_at") == newest["at"])
    return newest


def test_heating_up_alerts_once_says_how_far_it_is_and_alerts_again_once_it_was_armed(up: Up) -> None:
    first = _happens(up, "page_view", 10, gained=10)
    assert first["when"] == {"gains": 20, "within": "1d"}
    assert (first["state"], first["missing"], first["last_at"]) == ("missing", _short(10), None)

    _happens(up, "page_view", 20, gained=20)
    alert = _alerted(up, 1)
    assert (alert["play"], alert["lead_id"], alert["score"]) == ("heats-up", LEAD, 20)
    assert (alert["from"], alert["to"]) == ("cold", "cold")
    assert [one["criterion"] for one in alert["reasons"]] == ["visit"]
    play = _play(up)
    assert (play["state"], play["alerted"], play["last_at"]) == ("holds", True, alert["at"])

    more = _happens(up, "page_view", 30, gained=30)  # it is not armed: no alert, as is counted below
    assert (more["state"], more["last_at"]) == ("holds", alert["at"])
    less = _happens(up, "unsubscribe", 5, gained=5)
    assert (less["state"], less["missing"]) == ("missing", _short(5))

    _happens(up, "page_view", 15, gained=15)  # armed by now, yet short
    _happens(up, "page_view", 25, gained=25)
    again = _alerted(up, 2)
    # a lead's alerts come in their order: one in between would stand here
    assert [(one["id"], one["score"]) for one in _raised(up)] == [(alert["id"], 20), (again["id"], 25)]
    assert _play(up)["state"] == "holds"
