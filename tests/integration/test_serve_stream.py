"""The event stream on a real broker and a real store: resumed without loss or repeat."""

from pathlib import Path

import pytest

from tests.serve_live import Reading, Scored, Store, identify, page_view, reading
from tests.serve_sse import Told, following

pytest_plugins = ["tests.serve_fixtures"]
pytestmark = pytest.mark.embedded


def told_of(events: list[Told]) -> list[tuple[str, float]]:
    return [(one.data["lead_id"], one.data["score"]) for one in events if one.kind == "score"]


async def test_facts_are_told_as_they_come(api: Reading, topics: Scored) -> None:
    await api.caught_up(topics)
    async with following(api.client) as stream:
        hello, state = await stream.next(), await stream.next()
        assert hello.kind == "hello"
        assert hello.data["now"] == "2026-11-01T09:00:00Z"
        assert hello.data["rate"] == 1
        assert hello.data["meets"] is None
        assert hello.data["reset"] is False
        assert (state.kind, state.data) == ("state", {"catching_up": None, "rebuilding": False})
        await topics.publish(identify(1, "u-1", title="CEO"), page_view(2, lead_id="u-1"))
        scores = await stream.until("score", 2)
        assert told_of(scores) == [("u-1", 20.0), ("u-1", 30.0)]
        assert scores[1].data == {
            name: value for name, value in (await api.get("/v1/leads/u-1")).items() if name != "spark"
        }
        (alert,) = await stream.until("alert")
        assert alert.data["play"] == "warmed"
        assert alert.data["lead"]["lead_id"] == "u-1"
        answer = await api.client.post(
            f"/v1/alerts/{alert.data['id']}/answer", json={"answer": "accepted", "by": "Ines"}
        )
        assert answer.status_code == 200
        (said,) = await stream.until("answer")
        assert (said.data["alert_id"], said.data["answer"], said.data["by"]) == (
            alert.data["id"],
            "accepted",
            "Ines",
        )
        await topics.send("scores", b"u-1", None, topics.clock.now)
        (gone,) = await stream.until("removed")
        assert gone.data == {"lead_id": "u-1"}


async def test_a_look_at_the_stream_ends_with_its_headers(api: Reading) -> None:
    looked = await api.client.head("/v1/stream", timeout=10)
    assert (looked.status_code, looked.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert (await api.client.get("/healthz", timeout=10)).status_code == 200  # on the same connection


async def test_a_client_resumes_without_loss_or_repeat(api: Reading, topics: Scored) -> None:
    await topics.publish(page_view(0, lead_id="u-0"))
    await api.caught_up(topics)
    heard: list[Told] = []
    async with following(api.client) as stream:
        await stream.next()
        for number in range(1, 4):
            await topics.publish(page_view(number, lead_id=f"u-{number}"))
        heard += await stream.until("score", 2)
        last = stream.last_id
    for number in range(4, 9):
        await topics.publish(page_view(number, lead_id=f"u-{number}"))
    await api.caught_up(topics)
    async with following(api.client, last) as stream:
        heard += await stream.until("score", 6)
        await topics.publish(page_view(9, lead_id="u-9"))
        heard += await stream.until("score", 1)
    assert sorted(told_of(heard)) == [(f"u-{number}", 10.0) for number in range(1, 10)]


async def test_a_hello_is_enough_to_resume_from(api: Reading, topics: Scored) -> None:
    await topics.publish(page_view(0, lead_id="u-0"))
    await api.caught_up(topics)
    async with following(api.client) as stream:
        last = (await stream.next()).id
    await topics.publish(page_view(1, lead_id="u-1"))
    async with following(api.client, last) as stream:
        assert told_of(await stream.until("score")) == [("u-1", 10.0)]


async def test_a_client_resumes_over_an_emptied_store(
    api: Reading, topics: Scored, serve_store: Store
) -> None:
    await topics.publish(page_view(0, lead_id="u-0"))
    await api.caught_up(topics)
    async with following(api.client) as staying:
        await staying.next()
        await topics.publish(page_view(1, lead_id="u-1"))
        heard = await staying.until("score")
        last = staying.last_id
        await topics.publish(page_view(2, lead_id="u-2"))
        await staying.until("score")
        serve_store.client().flushall()
        await topics.publish(page_view(3, lead_id="u-3"))
        await api.caught_up(topics)
        assert told_of(await staying.until("score")) == [("u-3", 10.0)]
        states = [one.data["rebuilding"] for one in staying.seen if one.kind == "state"]
        assert states[0] is False
    async with following(api.client, last) as back:
        heard += await back.until("score", 2)
    assert sorted(told_of(heard)) == [("u-1", 10.0), ("u-2", 10.0), ("u-3", 10.0)]


async def test_who_was_away_too_long_is_told_to_start_over(
    topics: Scored, serve_store: Store, serve_grid: Path
) -> None:
    await topics.publish(page_view(0, lead_id="u-0"))
    async with reading(topics, serve_store, serve_grid, stream_kept=20) as api:
        await api.caught_up(topics)
        async with following(api.client) as stream:
            last = (await stream.next()).id
        for number in range(1, 40):
            await topics.publish(page_view(number, lead_id=f"u-{number}"))
        await api.caught_up(topics)
        await topics.publish(page_view(40, lead_id="u-40"))  # what is too much goes as the next batch comes
        await api.caught_up(topics)
        async with following(api.client, last) as stream:
            hello = await stream.next()
            assert hello.data["reset"] is True
            assert hello.id != last
            await topics.publish(page_view(41, lead_id="u-41"))
            assert told_of(await stream.until("score")) == [("u-41", 10.0)]


async def test_who_comes_from_topics_that_are_no_more_is_told_to_start_over(
    api: Reading, topics: Scored
) -> None:
    await topics.publish(page_view(0, lead_id="u-0"))
    await api.caught_up(topics)
    async with following(api.client, "s1000.1000.1000-a1000-o1000") as stream:
        assert (await stream.next()).data["reset"] is True
        await topics.publish(page_view(1, lead_id="u-1"))
        assert told_of(await stream.until("score")) == [("u-1", 10.0)]


async def test_an_id_of_another_stream_is_refused(api: Reading, topics: Scored) -> None:
    await api.caught_up(topics)
    answer = await api.client.get("/v1/stream", headers={"Last-Event-ID": "1700000000000-0"})
    assert answer.status_code == 400
    assert "Last-Event-ID" in answer.json()["error"]
