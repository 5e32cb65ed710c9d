"""A lead's page says what was done about its alerts, and why there was none; on a real broker."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from connectors.notify import delivery
from connectors.notify.delivery import Delivery
from connectors.office import rows
from connectors.office.errors import TeamError
from connectors.office.rows import Assigned, Task, assigned_key, task_key
from connectors.office.team import load_team
from connectors.watched_file import WatchedFile
from scorer.handover import Erase
from scorer.times import SECOND, Micros, format_time
from tests.integration.test_serve_alerts import hot
from tests.integration.test_serve_erasure import everything
from tests.serve_live import Reading, Scored, Store, eventually, reading

pytest_plugins = ["tests.serve_fixtures"]
pytestmark = pytest.mark.embedded


@pytest.fixture
def team_file(tmp_path: Path) -> Path:
    """Who has leads."""
    path = tmp_path / "team.yml"
    path.write_text("people: {claire: {name: Claire Martin}}")
    return path


@pytest.fixture
async def api(
    topics: Scored, serve_store: Store, serve_grid: Path, team_file: Path
) -> AsyncIterator[Reading]:
    """A read API that knows the team."""
    team = WatchedFile(team_file, load_team, "team", TeamError)
    team.read()
    async with reading(topics, serve_store, serve_grid, team_file=team) as found:
        yield found


async def _called(api: Reading, lead: str, name: str | None) -> bool:
    return bool((await api.get(f"/v1/leads/{lead}/plays"))["assigned"]["name"] == name)


async def act(topics: Scored, alert: dict[str, Any], state: Any = "delivered", **more: Any) -> bytes:
    """Notify's row of an alert; its key."""
    at = format_time(topics.clock.now)
    row = Delivery(alert["id"], state, "sales", "slack", alert["lead_id"], "p", alert["at"], at, at, **more)
    key = delivery.key_of(row.id, row.channel, row.destination).encode()
    await topics.send("deliveries", key, delivery.dump(row), topics.clock.now)
    return key


async def test_what_became_of_an_alert_is_told_and_goes_with_its_row(api: Reading, topics: Scored) -> None:
    await hot(topics, "u-1")
    await api.caught_up(topics)
    alert = (await api.get("/v1/alerts"))["alerts"][0]

    async def told() -> Any:
        return (await api.get(f"/v1/alerts/{alert['id']}"))["deliveries"]

    due = format_time(topics.clock.now + 300 * SECOND)
    key = await act(topics, alert, "retrying", attempts=1, due=due, error="Slack answered 500")
    await api.caught_up(topics)
    assert await told() == [
        {
            "channel": "sales",
            "destination": "slack",
            "result": "retrying",
            "at": format_time(topics.clock.now),
            "attempts": 1,
            "due": due,
            "reason": "Slack answered 500",
            "expired": False,
        }
    ]
    await act(topics, alert, attempts=2)
    await topics.send("parked", b"x", b'{"id": "y", "channel": "sales"}', topics.clock.now)
    await api.caught_up(topics)
    assert [one["result"] for one in await told()] == ["delivered"]
    await topics.send("deliveries", key, None, topics.clock.now)
    await topics.send("deliveries", b"broken", b"[]", topics.clock.now)
    await api.caught_up(topics)
    assert await told() == []


async def test_each_play_says_why_it_does_not_go_off_and_who_has_the_lead(
    api: Reading, topics: Scored, team_file: Path
) -> None:
    await hot(topics, "u-1")
    await hot(topics, "u-2")
    alerts = [one for one in (await _alerts(api, topics)) if one["lead_id"] == "u-1"]
    now = Micros(topics.clock.now)
    task = Task("u-1", "a-1", "call", now, "claire", Micros(now + 60 * SECOND), told={"traits": "canary"})
    for key, row in (
        (assigned_key("u-1"), Assigned("u-1", "claire", "turn", now, "a-1")),
        (task_key("a-1", "call"), task),
    ):
        await topics.send("tasks", key.encode(), rows.dump(row), topics.clock.now)
    await api.caught_up(topics)
    found = await api.get("/v1/leads/u-1/plays")
    plays = {one["play"]: one for one in found["plays"]}
    assert plays["call-now"]["state"] == "holds"
    assert plays["call-now"]["alerted"] is True
    assert plays["call-now"]["last_at"] == next(one["at"] for one in alerts if one["play"] == "call-now")
    assert plays["warmed"]["state"] == "elsewhere"
    assert found["assigned"] == {
        "person": "claire",
        "name": "Claire Martin",
        "why": "turn",
        "at": format_time(now),
        "alert": "a-1",
        "open": True,
    }
    assert found["tasks"] == [
        {
            "what": "call",
            "person": "claire",
            "name": "Claire Martin",
            "since": format_time(now),
            "due": format_time(now + 60 * SECOND),
            "state": "open",
            "by": None,
            "alert": "a-1",
        }
    ]
    team_file.write_text("people: {paul: {}}")  # read again while somebody asks
    await eventually(lambda: _called(api, "u-1", None))
    other = await api.get("/v1/leads/u-2/plays")
    assert (other["assigned"], other["tasks"]) == (None, [])
    topics.clock.pass_seconds(30 * 86_400)  # all has faded
    cold = {one["play"]: one for one in (await api.get("/v1/leads/u-1/plays"))["plays"]}
    assert cold["call-now"]["last_at"] == plays["call-now"]["last_at"]
    assert (await api.client.get("/v1/leads/nobody/plays")).status_code == 404


async def test_an_alert_that_was_taken_back_is_not_when_its_play_went_off(
    api: Reading, topics: Scored
) -> None:
    await hot(topics, "u-1")
    alert = next(one for one in await _alerts(api, topics) if one["play"] == "call-now")
    told = b'{"id": "w", "withdrawn": "%s", "play": "call-now", "lead_id": "u-1", "at": "%s"}'
    value = told % (alert["id"].encode(), alert["at"].encode())
    await topics.send("alerts", b"u-1", value, topics.clock.now)
    await api.caught_up(topics)
    plays = {one["play"]: one for one in (await api.get("/v1/leads/u-1/plays"))["plays"]}
    assert plays["call-now"]["last_at"] is None
    assert plays["call-now"]["alerted"] is None


async def test_what_was_done_about_an_erased_lead_goes_with_it(
    api: Reading, topics: Scored, serve_store: Store
) -> None:
    await hot(topics, "u-9")
    [alert, *_] = await _alerts(api, topics)
    await act(topics, alert)
    now = Micros(topics.clock.now)
    for key, row in (
        (assigned_key("u-9"), Assigned("u-9", "claire", "turn", now, "a-1")),
        (task_key("a-1", "call"), Task("u-9", "a-1", "call", now)),
    ):
        await topics.send("tasks", key.encode(), rows.dump(row), topics.clock.now)
    await api.caught_up(topics)
    held = everything(serve_store)
    assert "claire" in held
    assert ":raised:u-9" in held
    topics.clock.pass_seconds(10)
    await topics.order("u-9", Erase(["u-9"]))
    await api.caught_up(topics)
    await eventually(lambda: "u-9" not in everything(serve_store))
    assert "claire" not in everything(serve_store)
    serve_store.client().flushall()  # built anew from topics that hold it all yet
    await api.caught_up(topics)
    await eventually(lambda: "u-9" not in everything(serve_store))

    redis: Any = serve_store.client()  # as one that was away: it holds what no record names any more
    redis.hset(f"{topics.prefix}:tasks", "assigned:u-9", '{"row": "assigned", "lead": "u-9"}')
    redis.delete(f"{topics.prefix}:swept", f"{topics.prefix}:lease")
    await eventually(lambda: "u-9" not in everything(serve_store))


async def _alerts(api: Reading, topics: Scored) -> list[dict[str, Any]]:
    await api.caught_up(topics)
    found: list[dict[str, Any]] = (await api.get("/v1/alerts"))["alerts"]
    return found
