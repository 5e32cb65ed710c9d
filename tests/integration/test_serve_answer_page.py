"""The page that a link in an alert opens, as a browser and a mail scanner use it."""

import pytest

from connectors.answer_links import LASTS_US, AnswerLink, AnswerLinks
from scorer.times import Micros
from tests.integration.test_serve_alerts import hot
from tests.serve_live import LINK_KEY, Reading, Scored, eventually, identify

pytest_plugins = ["tests.serve_fixtures"]
pytestmark = pytest.mark.embedded


async def _linked(api: Reading, topics: Scored, by: str = "claire") -> tuple[str, str]:
    """An alert, and the path of the page on which it is answered."""
    await hot(topics, "u-1")
    await api.caught_up(topics)
    alert = (await api.get("/v1/alerts"))["alerts"][0]
    until = Micros(topics.clock() + LASTS_US)
    token = AnswerLinks([LINK_KEY]).sign(AnswerLink(alert["id"], alert["lead_id"], by, until))
    return alert["id"], f"/answer/{token}"


async def test_opening_a_link_says_nothing_pressing_a_button_does(api: Reading, topics: Scored) -> None:
    alert, page = await _linked(api, topics)
    headers = {"Authorization": "", "Accept-Language": "fr-FR,fr;q=0.9"}
    asked = await api.client.get(f"{page}?say=accepted", headers=headers)
    assert asked.status_code == 200
    assert 'class="btn pri" name="answer" value="accepted">Je prends<' in asked.text
    assert '<html lang="fr">' in asked.text
    assert asked.headers["cache-control"] == "no-store"
    assert (await api.get(f"/v1/alerts/{alert}"))["answer"] is None
    for _ in range(2):  # a double click
        said = {"answer": "accepted", "note": " rappelle <b>lundi</b> "}
        done = await api.client.post(page, data=said, headers=headers)
        assert done.status_code == 200
        assert "C’est noté" in done.text

    async def shown() -> bool:
        return (await api.get(f"/v1/alerts/{alert}"))["answer"] is not None

    await eventually(shown)
    answer = (await api.get(f"/v1/alerts/{alert}"))["answer"]
    assert {name: answer[name] for name in ("answer", "note", "by")} == {
        "answer": "accepted",
        "note": "rappelle <b>lundi</b>",
        "by": "claire",
    }
    first, second = await topics.landed("outcomes", 2)
    assert first["id"] == second["id"]


async def test_what_a_stranger_typed_is_text_on_the_page(api: Reading, topics: Scored) -> None:
    await topics.publish({**identify(0, "u-1", company="<script>alert(1)</script>"), "id": "first"})
    _, page = await _linked(api, topics)
    asked = await api.client.get(page)
    assert "&lt;script&gt;alert(1)" in asked.text
    assert "<script>alert" not in asked.text


@pytest.mark.parametrize("broken", ["cut", "another key", "old", "another purpose"])
async def test_a_link_that_is_not_good_says_so(api: Reading, topics: Scored, broken: str) -> None:
    alert, page = await _linked(api, topics)
    until = Micros(topics.clock() + LASTS_US)
    link = AnswerLink(alert, "u-1", "claire", until)
    if broken == "cut":
        page = page[:-1]
    elif broken == "another key":
        page = f"/answer/{AnswerLinks(['some other key of 16']).sign(link)}"
    elif broken == "old":
        old = AnswerLink(alert, "u-1", "claire", Micros(topics.clock() - 1))
        page = f"/answer/{AnswerLinks([LINK_KEY]).sign(old)}"
    else:
        page = "/answer/x"
    for answer in (await api.client.get(page), await api.client.post(page, data={"answer": "wrong"})):
        assert answer.status_code == 404
        assert "no longer good" in answer.text
    assert (await api.get(f"/v1/alerts/{alert}"))["answer"] is None
