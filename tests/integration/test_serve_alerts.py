"""Alerts and what sales answers, on a real broker and a real store."""

import json
from typing import Any

import pytest

from tests.serve_live import Reading, Scored, eventually, identify, page_view

pytest_plugins = ["tests.serve_fixtures"]
pytestmark = pytest.mark.embedded


async def hot(topics: Scored, lead: str, **who: Any) -> None:
    """A boss who looks at the prices four times: an alert when warm, another when hot."""
    await topics.publish(
        {**identify(0, lead, title="CEO"), "id": f"{lead}-i"},
        *({**page_view(view, **(who or {"lead_id": lead})), "id": f"{lead}-{view}"} for view in range(4)),
    )


async def test_alerts_are_newest_first_with_their_leads(api: Reading, topics: Scored) -> None:
    await hot(topics, "u-1")
    topics.clock.pass_seconds(60)
    await hot(topics, "u-2")
    await api.caught_up(topics)
    topics.clock.pass_seconds(86_400)
    found = (await api.get("/v1/alerts"))["alerts"]
    assert [one["lead_id"] for one in found] == ["u-2", "u-2", "u-1", "u-1"]
    assert {one["to"] for one in found} == {"warm", "hot"}
    first = found[0]
    assert first["answer"] is None
    assert first["deliveries"] == []
    lead = await api.get("/v1/leads/u-2")
    assert first["lead"] == {name: lead[name] for name in first["lead"]}
    assert {"score", "tier", "next_tier", "fading", "pending", "traits"} <= first["lead"].keys()
    assert await api.get(f"/v1/alerts/{first['id']}") == first
    of_one = (await api.get("/v1/alerts", lead="u-1"))["alerts"]
    assert {one["lead_id"] for one in of_one} == {"u-1"}
    assert len(of_one) == 2
    assert (await api.client.get("/v1/alerts", params={"lead": "nobody"})).status_code == 404


async def test_pages_of_alerts_put_together_are_the_list(api: Reading, topics: Scored) -> None:
    for number in range(6):
        await hot(topics, f"u-{number}")
    await api.caught_up(topics)
    whole = [one["id"] for one in (await api.get("/v1/alerts", limit=500))["alerts"]]
    found: list[str] = []
    following: str | None = ""
    while following is not None:
        page = await api.get("/v1/alerts", limit=5, after=following)
        found += [one["id"] for one in page["alerts"]]
        following = page["next"]
    assert found == whole
    assert len(found) == 12


async def test_an_answer_is_published_as_an_outcome(api: Reading, topics: Scored) -> None:
    await hot(topics, "u-1")
    await api.caught_up(topics)
    alert = (await api.get("/v1/alerts"))["alerts"][0]
    given = {"answer": "accepted", "note": "calls <b>today</b>", "by": "Inès"}
    answer = await api.client.post(f"/v1/alerts/{alert['id']}/answer", json=given)
    assert answer.status_code == 200
    (event,) = await topics.landed("outcomes", 1)
    assert event["//key"] == "u-1"
    assert event["type"] == "outcome"
    assert event["lead_id"] == "u-1"
    assert event["id"] == answer.json()["id"]
    assert event["time"] == "2026-11-01T09:00:00Z"
    assert event["properties"] == {
        "outcome": "accepted",
        "alert_id": alert["id"],
        "note": "calls <b>today</b>",
        "by": "Inès",
    }

    async def shown() -> bool:
        return (await api.get(f"/v1/alerts/{alert['id']}"))["answer"] is not None

    await eventually(shown)
    said = {"answer": "accepted", "note": "calls <b>today</b>", "by": "Inès", "at": "2026-11-01T09:00:00Z"}
    assert (await api.get(f"/v1/alerts/{alert['id']}"))["answer"] == said
    lead = await api.get("/v1/leads/u-1")
    assert lead["owner"] == "Inès"
    assert lead["answer"] == {**said, "alert_id": alert["id"]}
    assert [one["id"] for one in (await api.get("/v1/alerts", answered="yes"))["alerts"]] == [alert["id"]]
    assert alert["id"] not in [one["id"] for one in (await api.get("/v1/alerts", answered="no"))["alerts"]]


async def test_a_withdrawn_answer_leaves_none(api: Reading, topics: Scored) -> None:
    await hot(topics, "u-1")
    await api.caught_up(topics)
    alert = (await api.get("/v1/alerts"))["alerts"][0]
    for given in ("accepted", "withdrawn"):
        topics.clock.pass_seconds(1)
        body = {"answer": given, "by": "Ines"}
        assert (await api.client.post(f"/v1/alerts/{alert['id']}/answer", json=body)).status_code == 200
    outcomes = await topics.landed("outcomes", 2)

    async def heard() -> bool:
        events = (await api.get("/v1/leads/u-1/timeline"))["events"]
        return {one["id"] for one in outcomes} <= {event["id"] for event in events}

    await eventually(heard)
    assert (await api.get(f"/v1/alerts/{alert['id']}"))["answer"] is None
    lead = await api.get("/v1/leads/u-1")
    assert (lead["owner"], lead["answer"]) == (None, None)


async def test_an_answer_makes_no_known_lead_of_a_browser(api: Reading, topics: Scored) -> None:
    await topics.publish(*(page_view(view, anonymous_id="a-1") for view in range(4)))
    await api.caught_up(topics)
    alert = (await api.get("/v1/alerts"))["alerts"][0]
    assert (
        await api.client.post(f"/v1/alerts/{alert['id']}/answer", json={"answer": "wrong"})
    ).status_code == 200
    (event,) = await topics.landed("outcomes", 1)
    assert event["anonymous_id"] == "a-1"
    assert "lead_id" not in event
    await topics.publish(identify(9, "u-1", "a-1"))
    await api.caught_up(topics)
    assert (await api.get("/v1/leads/a-1"))["lead_id"] == "u-1"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no json",
        b"[]",
        b'{"answer": "maybe"}',
        b'{"answer": ["accepted"]}',
        b'{"answer": "accepted", "by": 7}',
        b'{"answer": "accepted", "note": "' + b"x" * 5_000 + b'"}',
    ],
)
async def test_a_wrong_answer_is_refused(api: Reading, topics: Scored, body: bytes) -> None:
    await api.caught_up(topics)
    answer = await api.client.post("/v1/alerts/none/answer", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]


async def test_an_answer_to_no_alert_is_404(api: Reading, topics: Scored) -> None:
    await api.caught_up(topics)
    assert (await api.client.post("/v1/alerts/none/answer", json={"answer": "wrong"})).status_code == 404
    assert (await api.client.post("/v1/alerts/none/answer", content=b"x" * 30_000)).status_code == 413


async def test_what_could_not_be_delivered_is_told(api: Reading, topics: Scored) -> None:
    await hot(topics, "u-1")
    await api.caught_up(topics)
    alert = (await api.get("/v1/alerts"))["alerts"][0]
    told_by_notify = {"id": "x", "channel": "sales", "reason": "410 Gone", "at": "2026-11-01T09:00:09Z"}
    value = json.dumps({**told_by_notify, "destination": "https://hook.example/secret"}).encode()
    await topics.send("parked", alert["id"].encode(), value, topics.clock.now)

    async def told() -> bool:
        return (await api.get(f"/v1/alerts/{alert['id']}"))["deliveries"] != []

    await eventually(told)
    assert (await api.get(f"/v1/alerts/{alert['id']}"))["deliveries"] == [
        {"channel": "sales", "result": "parked", "reason": "410 Gone", "at": "2026-11-01T09:00:09Z"}
    ]
    again = {**told_by_notify, "destination": "https://hook.example/secret", "result": "retry"}
    again |= {"reason": "asked for by leadheat parked", "at": "2026-11-01T10:00:00Z"}
    await topics.send("parked", alert["id"].encode(), json.dumps(again).encode(), topics.clock.now)

    async def asked_again() -> bool:
        [delivery] = (await api.get(f"/v1/alerts/{alert['id']}"))["deliveries"]
        return (delivery["result"], delivery["at"]) == ("retrying", "2026-11-01T10:00:00Z")

    await eventually(asked_again)
