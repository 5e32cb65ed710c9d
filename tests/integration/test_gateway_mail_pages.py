"""The pages of mails' links: opening one says nothing, a POST does, once the broker has it."""

from collections.abc import AsyncIterator, Iterator

import pytest

from connectors.ingest.link_tokens import Link, LinkKeys
from scorer.times import Micros
from tests.gateway_live import Broker, Live, create_topics, live_gateway, running_broker

pytestmark = pytest.mark.embedded

LINK_KEY = "the link key of the tests"
KEYS = LinkKeys([LINK_KEY])
LEAVE = KEYS.sign(Link("leave", "u-42", "keep-warm/news", "m-7", about="5f"))
ANSWER = KEYS.sign(Link("answer", "u-42", "delivery", "m-8"))
FRENCH = {"Accept-Language": "fr-FR,fr;q=0.9"}


@pytest.fixture
def broker() -> Iterator[Broker]:
    with running_broker() as running:
        yield running


@pytest.fixture
async def live(broker: Broker) -> AsyncIterator[Live]:
    async with live_gateway(broker.bootstrap, link_keys=(LINK_KEY,)) as running:
        yield running


async def test_a_scanner_that_opens_everything_says_nothing(live: Live) -> None:
    for path in (f"/m/u/{LEAVE}", f"/m/n/{ANSWER}?r=9"):
        page = await live.client.get(path, headers=FRENCH)
        assert page.status_code == 200
        assert '<form method="post">' in page.text
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        await live.client.head(path)
    await live.post({"type": "page_view", "lead_id": "u-1"})
    assert [one["type"] for one in await live.events()] == ["page_view"]


async def test_one_click_and_the_pages_button_unsubscribe(live: Live) -> None:
    one_click = await live.client.post(
        f"/m/u/{LEAVE}",
        content=b"List-Unsubscribe=One-Click",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    button = await live.client.post(f"/m/u/{LEAVE}", data={"leave": "1"}, headers=FRENCH)
    assert (one_click.status_code, button.status_code) == (200, 200), one_click.text
    assert "vous ne recevrez plus" in button.text
    first, second = await live.events()
    assert first["id"] == second["id"]
    assert (first["type"], first["lead_id"], first["//topic"]) == ("unsubscribe", "u-42", "email-clicks")
    assert first["properties"] == {
        "campaign": "keep-warm/news", "message_id": "m-7", "address_hash": "5f"
    }  # fmt: skip


async def test_a_survey_is_answered_with_a_comment(live: Live) -> None:
    page = await live.client.get(f"/m/n/{ANSWER}?r=9")
    assert 'value="9" required checked' in page.text
    thanks = await live.client.post(f"/m/n/{ANSWER}?r=9", data={"rating": "9", "comment": " <b>bien</b> "})
    assert 'name="testimonial"' in thanks.text
    ready = await live.client.post(f"/m/n/{ANSWER}", data={"testimonial": "1"})
    assert ready.status_code == 200
    answered, offered = await live.events()
    assert (answered["type"], answered["//topic"]) == ("survey_answered", "signals")
    told = {"survey": "delivery", "rating": 9, "comment": "<b>bien</b>"}
    assert answered["properties"] == {"campaign": "delivery", "message_id": "m-8", **told}
    assert (offered["type"], offered["lead_id"]) == ("testimonial_offered", "u-42")


async def test_only_promoters_are_asked_for_more_and_only_marks_count(live: Live) -> None:
    asked = await live.client.post(f"/m/n/{ANSWER}", data={"rating": "11"})
    assert 'name="rating"' in asked.text
    unhappy = await live.client.post(f"/m/n/{ANSWER}", data={"rating": "3"})
    assert "testimonial" not in unhappy.text
    assert [one["properties"]["rating"] for one in await live.events()] == [3]


@pytest.mark.parametrize(
    "path", ["/m/u/x", "/m/n/x", f"/m/n/{LEAVE}", f"/m/u/{ANSWER}"], ids=["u", "n", "nu", "un"]
)
async def test_a_link_of_another_kind_or_none(live: Live, path: str) -> None:
    assert (await live.client.get(path)).status_code == 404
    assert (await live.client.post(path)).status_code == 404


async def test_too_large_an_answer(live: Live) -> None:
    answer = await live.client.post(f"/m/n/{ANSWER}", data={"rating": "3", "comment": "x" * 30_000})
    assert answer.status_code == 413


async def test_without_a_broker_nobody_is_told_that_it_is_done() -> None:
    with running_broker() as broker:
        await create_topics(broker.bootstrap, "leadheat")
        async with live_gateway(broker.bootstrap, link_keys=(LINK_KEY,)) as live:
            broker.kill()
            answer = await live.client.post(f"/m/u/{LEAVE}")
            assert answer.status_code == 503
            assert int(answer.headers["Retry-After"]) > 0


async def test_a_click_before_anybody_could_have_read_the_mail_is_a_robots(live: Live) -> None:
    live.clock.now = Micros(1_790_000_000_000_000)
    target = "https://acme.example/"
    early = KEYS.sign(Link("click", "u-1", "c", "m-1", target, sent=Micros(live.clock.now - 100_000)))
    late = KEYS.sign(Link("click", "u-2", "c", "m-2", target, sent=Micros(live.clock.now - 3_600_000_000)))
    agent = {"User-Agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0"}
    for token in (early, late):
        assert (await live.client.get(f"/c/{token}", headers=agent)).status_code == 302
    events = {one["lead_id"]: one for one in await live.events()}
    assert events["u-1"]["context"].get("bot") is True
    assert "bot" not in events["u-2"]["context"]
    assert {one["type"] for one in events.values()} == {"email_click"}
