"""Parts of the read API on plain values: facts, places of leads, positions, cursors, the description."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from connectors.serve import cursor
from connectors.serve.app import create_app
from connectors.serve.bodies import json_of
from connectors.serve.broadcast import Client
from connectors.serve.cache import Cache
from connectors.serve.config import ServeConfig
from connectors.serve.errors import Refusal
from connectors.serve.facts import EventFact, Incoming, Kept, ScoreFact, fact_of
from connectors.serve.feeder import Feeder
from connectors.serve.lead_index import entries, lead_of, lead_words, sort_member
from connectors.serve.live import LiveEntry
from connectors.serve.openapi import document
from connectors.serve.position import Position
from connectors.serve.scoring import GridFile, Scoring
from scorer.times import Micros
from tests.serve_live import GRID, START


@pytest.fixture
def scoring(tmp_path: Path) -> Scoring:
    path = tmp_path / "grid.yml"
    path.write_text(GRID)
    return Scoring(path)


def incoming(topic: str, value: Any, key: bytes | None = b"u-1") -> Incoming:
    text = value if isinstance(value, bytes) or value is None else json.dumps(value).encode()
    return Incoming(topic, 0, 7, START, key, text)


RECORD = {
    "lead_id": "u-1",
    "score": 10.0,
    "tier": "cold",
    "since": "2026-11-01T09:00:00Z",
    "scores": {"fit": 0.0, "engagement": 10.0},
    "contributions": {"pricing": 10.0},
    "as_of": "2026-11-01T09:00:00Z",
    "grid": "tests",
    "version": 1,
    "identities": ["u-1", "a-1"],
    "traits": {"first_name": "Hélène", "email": "helene@acme.fr", "company": "Acme"},
    "fading": [["pricing", 10.0, 604800.0, "2026-11-01T09:00:00Z", None]],
    "pending": [],
}


@pytest.mark.parametrize(
    ("topic", "value", "key"),
    [
        ("scores", b"no json", b"u-1"),
        ("scores", [], b"u-1"),
        ("scores", {**RECORD, "as_of": "yesterday"}, b"u-1"),
        ("scores", {**RECORD, "traits": None}, b"u-1"),
        ("scores", {**RECORD, "identities": [1]}, b"u-1"),
        ("scores", {**RECORD, "identities": None}, b"u-1"),
        ("scores", {**RECORD, "fading": [["pricing", 10.0]]}, b"u-1"),
        ("scores", {**RECORD, "fading": [["pricing", 1.0, None, "2026-11-01T09:00:00Z", "soon"]]}, b"u-1"),
        ("scores", {**RECORD, "pending": [["silent", -15.0, "soon"]]}, b"u-1"),
        ("scores", {**RECORD, "lead_id": "u-2"}, b"u-1"),
        ("scores", {name: value for name, value in RECORD.items() if name != "contributions"}, b"u-1"),
        ("scores", RECORD, None),
        ("scores", RECORD, b"\xff"),
        ("alerts", {"id": "x"}, b"u-1"),
        ("alerts", {"id": "x", "at": "2026-11-01T09:00:00Z", "lead_id": 7}, b"u-1"),
        ("alerts", None, b"u-1"),
        ("parked", b"{}", None),
        ("page-views", b"{", b"u-1"),
        ("page-views", {"type": "page_view"}, b"u-1"),
        ("page-views", None, b"u-1"),
    ],
)
def test_what_cannot_be_read_says_nothing(topic: str, value: Any, key: bytes | None) -> None:
    assert fact_of(incoming(topic, value, key)) is None


@given(st.binary(max_size=60), st.sampled_from(["scores", "alerts", "parked", "page-views", "outcomes"]))
def test_no_record_breaks_the_reading(value: bytes, topic: str) -> None:
    fact = fact_of(incoming(topic, value))
    assert fact is None or topic in ("parked",)


@pytest.mark.parametrize("outcome", [["accepted"], {"a": 1}, 7, None, "won"])
def test_an_outcome_that_is_no_answer_is_an_event_all_the_same(outcome: Any) -> None:
    fact = fact_of(
        incoming("outcomes", {"type": "outcome", "lead_id": "u-1", "properties": {"outcome": outcome}})
    )
    assert isinstance(fact, EventFact)
    assert fact.answer is None


def test_a_null_record_is_a_lead_that_is_gone() -> None:
    assert fact_of(incoming("scores", None)) == ScoreFact("u-1", None, "")


def test_an_identify_is_kept_for_both_and_ties_them() -> None:
    fact = fact_of(incoming("profiles", {"type": "identify", "lead_id": "u-1", "anonymous_id": "a-1"}))
    assert isinstance(fact, EventFact)
    assert fact.copies == ("u-1", "a-1")
    assert fact.tie == ("a-1", "u-1")
    assert fact.last is None
    assert fact.id == "profiles/0/7"


def test_an_event_of_both_ids_ties_nothing() -> None:
    fact = fact_of(incoming("page-views", {"type": "page_view", "lead_id": "u-1", "anonymous_id": "a-1"}))
    assert isinstance(fact, EventFact)
    assert fact.copies == ("u-1",)
    assert fact.tie is None


def test_a_time_far_ahead_is_the_time_of_reception() -> None:
    event = {"type": "page_view", "lead_id": "u-1", "time": "2026-11-01T09:05:01Z"}
    fact = fact_of(incoming("page-views", event))
    assert isinstance(fact, EventFact)
    assert fact.at == START
    near = fact_of(incoming("page-views", {**event, "time": "2026-11-01T09:05:00Z"}))
    assert isinstance(near, EventFact)
    assert near.at == START + 300_000_000


def test_an_event_is_kept_as_it_came() -> None:
    value = b'{"type": "page_view", "lead_id": "u|1", "properties": {"n": 1e400, "t": "a\\nb"}}'
    fact = fact_of(incoming("page-views", value))
    assert isinstance(fact, EventFact)
    kept = Kept.load(fact.stored)
    assert (kept.received, kept.place, kept.value) == (START, "page-views/0/7", value)
    assert kept.as_json()["properties"] == {"n": None, "t": "a\nb"}


def test_a_lead_is_found_by_name_company_email_and_ids() -> None:
    assert lead_words(RECORD) == ["helene", "acme", "fr", "u", "1", "a"]


def test_a_lead_stands_once_in_every_order(scoring: Scoring) -> None:
    found = entries("u-1", RECORD, START, scoring)
    orders = [(name.split(":")[2], member) for name, member, _ in found if name.startswith("order:")]
    assert [order for order, _ in orders] == ["score", "cools", "recent", "name"]
    assert all(lead_of(member) == "u-1" for order, member in orders if order != "score")
    assert ("account:acme.fr", "u-1", None) in found
    assert ("account:acme", "u-1", None) in found


def test_a_tier_that_the_grid_does_not_know_hides_nobody(scoring: Scoring) -> None:
    found = entries("u-1", {**RECORD, "tier": "boiling"}, None, scoring)
    assert (f"order:{scoring.digest}:score:cold", "u-1", 10.0) in found


@given(st.integers(0, 10**16), st.integers(0, 10**16))
def test_the_newer_sorts_first(one: int, other: int) -> None:
    members = [sort_member("recent", "u", RECORD, Micros(at), None) for at in (one, other)]  # type: ignore[arg-type]
    assert (members[0] < members[1]) == (one > other)
    assert members[0] < sort_member("recent", "u", RECORD, None, None)  # type: ignore[arg-type]


offsets = st.dictionaries(
    st.builds("{}:{}".format, st.sampled_from(["scores", "alerts", "outcomes"]), st.integers(0, 12)),
    st.integers(0, 10**15),
)


@given(offsets)
def test_a_position_is_read_as_it_was_written(found: dict[str, int]) -> None:
    position = Position(found)
    again = Position.load(position.dump())
    assert {place: at for place, at in again.offsets.items() if at} == {
        place: at for place, at in found.items() if at
    }
    assert "\n" not in position.dump()


@pytest.mark.parametrize("text", ["1700000000000-0", "x1", "s1,2", "s", "s1.", "s-1", "s１", "s1\n"])
def test_no_other_text_is_a_position(text: str) -> None:
    with pytest.raises(ValueError, match="Last-Event-ID"):
        Position.load(text)


def request(after: str) -> Request:
    query = f"after={after}".encode()
    return Request({"type": "http", "query_string": query, "headers": []})


@given(st.floats(allow_nan=False, allow_infinity=False), st.text(st.characters(exclude_categories=["Cs"])))
def test_a_cursor_keeps_every_bit(score: float, lead: str) -> None:
    text = cursor.dump("score", 1, score, lead)
    assert cursor.after(request(text), "score", (int, float, str)) == [1, score, lead]


@pytest.mark.parametrize(
    "text", ["x", "####", "W10", cursor.dump("name", "x"), cursor.dump("score", 1, 2.0), "é", "W1tb" * 2_000]
)
def test_no_other_text_is_a_cursor(text: str) -> None:
    with pytest.raises(Refusal, match="after"):
        cursor.after(request(text), "score", (int, float, str))


@pytest.mark.parametrize("body", [b"", b"{", b'{"answer": "\xff"}', b'"\\ud800"', b"[" * 9_000])
async def test_a_body_that_is_no_json_is_told(body: bytes) -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    with pytest.raises(Refusal) as refused:
        await json_of(Request({"type": "http", "method": "POST", "headers": []}, receive), 10_000)
    assert refused.value.status == 400


def test_a_client_that_does_not_keep_up_is_dropped() -> None:
    client = Client()
    for number in range(client.waiting.maxsize + 1):
        client.tell(LiveEntry("score", "scores:0", number, {}))
    assert client.dropped
    assert client.waiting.qsize() == 1
    assert client.waiting.get_nowait() is None
    client.tell({"rebuilding": True})
    assert client.waiting.empty()


async def test_what_goes_wrong_while_filling_is_told_without_what_it_quotes(
    scoring: Scoring, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Odd(Cache):
        async def acquire(self) -> bool:
            raise KeyError("anne@acme.fr")

    config = ServeConfig("", "t", "redis://127.0.0.1:1", ("k",), tmp_path / "grid.yml", lambda: START)
    feeder = Feeder(config, Odd(config.redis, "t"), GridFile(config.grid), scoring, lambda _: None)
    filling = asyncio.create_task(feeder.run())
    async with asyncio.timeout(10):
        while feeder.trouble != "KeyError":
            await asyncio.sleep(0)
    filling.cancel()
    assert "KeyError at " in caplog.text
    assert "anne@acme.fr" not in caplog.text


def test_every_path_is_described(scoring: Scoring, tmp_path: Path) -> None:
    app = create_app(
        ServeConfig("none:1", "t", "redis://none:1", ("k",), tmp_path / "grid.yml", lambda: START)
    )
    served = {
        (route.path.replace(":identity", ""), method.lower())  # type: ignore[attr-defined]
        for route in app.routes
        for method in getattr(route, "methods", None) or ()
        if method != "HEAD"
    }
    pages = {"/", "/alerts", "/answer/{token}", "/grid", "/install", "/login", "/leads/{id}"}
    pages |= {"/accounts", "/accounts/{id}"}
    described = {(path, method) for path, entry in document()["paths"].items() for method in entry}
    assert described == {(path, method) for path, method in served if path not in pages}


def test_every_schema_that_is_named_is_there() -> None:
    text = json.dumps(document())
    named = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert named <= document()["components"]["schemas"].keys()
