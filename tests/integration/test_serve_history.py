"""Timelines and curves on a real broker and a real store, against the score records themselves."""

from typing import Any

import pytest

from scorer.times import DAY, format_time, parse_time
from tests.serve_live import START, Reading, Scored, identify, page_view

pytest_plugins = ["tests.serve_fixtures"]
pytestmark = pytest.mark.embedded


async def test_a_timeline_says_what_each_event_gave(api: Reading, topics: Scored) -> None:
    await topics.publish(page_view(1, anonymous_id="a-1", path="/pricing"))
    topics.clock.pass_seconds(3_600)
    await topics.publish(identify(2, "u-1", "a-1", title="CEO"))
    topics.clock.pass_seconds(3_600)
    properties, context = {"asset": "guide.pdf"}, {"channel": "ads"}
    await topics.publish({"type": "download", "lead_id": "u-1", "properties": properties, "context": context})
    topics.clock.pass_seconds(7 * 86_400 - 7_200)
    await api.caught_up(topics)
    found = await api.get("/v1/leads/a-1/timeline")
    assert found["lead_id"] == "u-1"
    assert [event["type"] for event in found["events"]] == ["download", "identify", "page_view"]
    download, who, view = found["events"]
    assert download["id"].startswith("downloads/")
    assert download["context"] == {"channel": "ads"}
    assert who["points"] == [
        {"criterion": "boss", "label": {"fr": "Décideur", "en": "Boss"}, "then": 20.0, "now": 20.0}
    ]
    assert view["received"] == view["time"] == "2026-11-01T09:00:00Z"
    assert view["properties"]["url"] == "https://leadheat.example/pricing"
    assert [(point["criterion"], point["then"]) for point in view["points"]] == [("pricing", 10.0)]
    assert view["points"][0]["now"] == pytest.approx(5.0)
    (change,) = found["changes"]
    assert (change["from"], change["to"], change["criterion"]) == ("cold", "warm", "guide")


async def test_a_shared_computer_tells_each_person_only_their_own(api: Reading, topics: Scored) -> None:
    def at(hours: int) -> str:
        return format_time(START + hours * 3_600_000_000)

    await topics.publish(
        {**page_view(1, "/one", anonymous_id="pc"), "time": at(0)},
        {**identify(2, "u-1", "pc"), "time": at(1)},
        {**page_view(3, "/two", anonymous_id="pc"), "time": at(2)},
        {**identify(4, "u-2", "pc"), "time": at(3)},
        {**page_view(5, "/three", anonymous_id="pc"), "time": at(4)},
    )
    topics.clock.pass_seconds(5 * 3_600)
    await topics.publish({**page_view(6, "/late", anonymous_id="pc"), "time": at(2)})
    await api.caught_up(topics)

    async def pages(lead: str) -> list[str]:
        events = (await api.get(f"/v1/leads/{lead}/timeline"))["events"]
        return sorted(event["id"] for event in events)

    assert await pages("u-1") == ["i2", "v1", "v3", "v6"]
    assert await pages("u-2") == ["i4", "v5"]
    assert await pages("pc") == ["i4", "v5"]


async def test_two_leads_made_one_share_a_timeline(api: Reading, topics: Scored) -> None:
    await topics.publish(
        page_view(1, lead_id="old"),
        page_view(2, lead_id="new"),
        {"id": "m", "type": "alias", "lead_id": "new", "properties": {"previous_id": "old"}},
        page_view(3, lead_id="old"),
    )
    await api.caught_up(topics)
    events = (await api.get("/v1/leads/old/timeline"))["events"]
    assert sorted(event["id"] for event in events) == ["m", "v1", "v2", "v3"]
    assert (await api.get("/v1/leads/old"))["lead_id"] == "new"
    assert (await api.get("/v1/leads/new"))["score"] == 30.0


async def test_a_copy_is_shown_once(api: Reading, topics: Scored) -> None:
    await topics.publish(
        page_view(1, lead_id="u-1"), page_view(1, lead_id="u-1"), page_view(2, lead_id="u-1")
    )
    await api.caught_up(topics)
    events = (await api.get("/v1/leads/u-1/timeline"))["events"]
    assert sorted(event["id"] for event in events) == ["v1", "v2"]
    assert sum(point["then"] for event in events for point in event["points"]) == 20.0


async def test_pages_of_a_timeline_put_together_are_the_timeline(api: Reading, topics: Scored) -> None:
    await topics.publish(*(page_view(number, lead_id="u-1") for number in range(11)))
    await api.caught_up(topics)
    whole = await api.get("/v1/leads/u-1/timeline", limit=500)
    assert whole["next"] is None
    found: list[Any] = []
    following: str | None = ""
    while following is not None:
        page = await api.get("/v1/leads/u-1/timeline", limit=4, after=following)
        found += page["events"]
        following = page["next"]
    assert found == whole["events"]
    assert len(found) == 11


async def test_a_curve_is_the_score_at_every_moment(api: Reading, topics: Scored) -> None:
    seen = []
    for number in range(6):
        topics.clock.pass_seconds(2 * 86_400)
        await topics.publish(page_view(number, lead_id="u-1"))
        await api.caught_up(topics)
        seen.append((await api.get("/v1/leads/u-1"))["score"])
    lead = await api.get("/v1/leads/u-1")
    curve = await api.get("/v1/leads/u-1/curve", days=20, ahead=40)
    assert curve["as_of"] == lead["as_of"]
    assert curve["past"][-1] == curve["future"][0] == [lead["as_of"], lead["score"]]
    past = {parse_time(at): score for at, score in curve["past"]}
    for number, score in enumerate(seen):
        moment = START + (number + 1) * 2 * DAY
        assert past[moment] == pytest.approx(score)
        assert past[moment - 1] == pytest.approx(score - 10.0)
    assert list(past) == sorted(past)
    future = {parse_time(at): score for at, score in curve["future"]}
    silent = parse_time(lead["as_of"]) + 30 * DAY
    assert future[silent - 1] > 0
    assert future[silent] == 0.0
    topics.clock.now = type(topics.clock.now)(silent - 1)
    assert (await api.get("/v1/leads/u-1"))["score"] == pytest.approx(future[silent - 1])


async def test_changes_by_time_alone_are_told(api: Reading, topics: Scored) -> None:
    await topics.publish(*(page_view(number, lead_id="u-1") for number in range(4)))
    topics.clock.pass_seconds(10 * 86_400)
    await topics.pass_time()
    await api.caught_up(topics)
    lead = await api.get("/v1/leads/u-1")
    assert lead["tier"] == "cold"
    told = (await api.get("/v1/leads/u-1/timeline"))["changes"]
    assert [(change["from"], change["to"]) for change in told] == [("warm", "cold"), ("cold", "warm")]
    assert told[0]["at"] == lead["since"]
    drawn = (await api.get("/v1/leads/u-1/curve"))["changes"]
    assert drawn == [{name: change[name] for name in ("at", "from", "to")} for change in told]


async def test_a_spark_is_the_score_of_each_day_before(api: Reading, topics: Scored) -> None:
    seen = []
    for number in range(7):
        if number:
            topics.clock.pass_seconds(86_400)
        await topics.publish(page_view(number, lead_id="u-1"))
        await api.caught_up(topics)
        seen.append((await api.get("/v1/leads/u-1"))["score"])
    assert (await api.get("/v1/leads/u-1"))["spark"] == pytest.approx(seen)
    (listed,) = (await api.get("/v1/leads"))["leads"]
    assert listed["spark"] == pytest.approx(seen)
