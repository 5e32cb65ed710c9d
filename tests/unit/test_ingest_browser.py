"""What a page may tell by its public key, and what it may not."""

import json
from typing import Any

import msgspec
import pytest
from starlette.datastructures import Headers, QueryParams

from connectors.ingest.browser import Browser
from connectors.ingest.errors import RefusedError
from connectors.ingest.link_tokens import Link, LinkKeys
from connectors.ingest.mapping import SourceMapping
from connectors.ingest.protocol import Context, Head
from scorer.errors import EventError
from scorer.times import Micros, parse_time

RECEIVED = parse_time("2026-11-01T09:00:00Z")
EVENT = {"id": "e-1", "type": "page_view", "time": "2026-11-01T07:59:50Z", "anonymous_id": "a-1"}
KEYS = LinkKeys(["the link key of the tests"])


def _head(**query: str) -> Head:
    headers = Headers({"user-agent": "Mozilla/5.0"})
    return Head("POST", "/v1/e", {}, QueryParams(query), headers, RECEIVED, "192.0.2.7")


def _tell(event: dict[str, Any], sent_at: str = "2026-11-01T08:00:00Z", **more: Any) -> list[dict[str, Any]]:
    body = json.dumps({"sent_at": sent_at, "events": [event]}).encode()
    parcel = Browser().parcel(_head(), body)
    context = Context(_head(), parcel, links=KEYS, **more)
    return [one for item in parcel.items for one in Browser().events(item, context)]


def test_a_view_with_the_time_corrected_and_what_the_request_says() -> None:
    properties = {"url": "https://acme.example/?utm_source=linkedin", "title": "Tarifs", "referrer": None}
    context = {"utm_source": "old", "utm_term": "crm", "ip": "6.6.6.6", "channel": "sales"}
    assert _tell({**EVENT, "properties": properties, "context": context}) == [
        {
            "id": "e-1",
            "type": "page_view",
            "anonymous_id": "a-1",
            "time": "2026-11-01T08:59:50Z",
            "properties": {"url": "https://acme.example/?utm_source=linkedin", "title": "Tarifs"},
            "context": {
                "utm_source": "linkedin",
                "utm_term": "crm",
                "channel": "browser",
                "ip": "192.0.2.7",
                "user_agent": "Mozilla/5.0",
            },
        }
    ]


def test_a_time_is_never_after_the_reception() -> None:
    [event] = _tell({**EVENT, "time": "2026-11-01T08:00:01Z"})
    assert event["time"] == "2026-11-01T09:00:00Z"


@pytest.mark.parametrize(
    ("name", "of_type"),
    [
        ("Demo Requested", "demo_requested"),
        ("Livre blanc downloaded", "download"),
        ("identify", "event_identify"),
        ("alias", "event_alias"),
        ("Contact", "form_submit"),
    ],
)
def test_a_named_event(name: str, of_type: str) -> None:
    [event] = _tell(
        {**EVENT, "type": "track", "name": name}, mapping=SourceMapping({"contact": "form_submit"})
    )
    assert (event["type"], event["properties"]["event"]) == (of_type, name)


@pytest.mark.parametrize(
    "change",
    [
        {"type": "outcome"},
        {"type": "alias"},
        {"type": "email_click"},
        {"type": "demo_requested"},
        {"type": "track"},
        {"type": "track", "name": ""},
        {"type": "track", "name": "Outcome"},
        {"type": "track", "name": "nps"},
        {"type": "track", "name": "Unsubscribe"},
        {"type": "track", "name": "Email Click"},
        {"type": "track", "name": "renamed"},
        {"lead_id": "u-42"},
        {"traits": {"title": "CEO"}},
        {"link": "x"},
        {"score": 100},
        {"retract": "e-0"},
        {"id": ""},
        {"id": None},
        {"id": "x" * 201},
        {"anonymous_id": None},
        {"time": "yesterday"},
        {"time": 1},
        {"properties": []},
        {"context": {"utm_source": 1}},
        {"type": "page_time"},
        {"type": "page_time", "properties": {"duration_s": -1}},
        {"type": "page_time", "properties": {"duration_s": 3_601}},
        {"type": "page_time", "properties": {"duration_s": True}},
        {"type": "track", "name": "page_time", "properties": {"duration_s": "60"}},
    ],
)
def test_what_is_not_for_a_page_to_tell(change: dict[str, Any]) -> None:
    mapping = SourceMapping({"renamed": "outcome"})
    with pytest.raises((EventError, msgspec.ValidationError)):
        _tell({**EVENT, **change}, mapping=mapping)


def test_who_it_is() -> None:
    told = {
        **EVENT,
        "type": "identify",
        "lead_id": 42,
        "traits": {"firstName": "Ada", "consent": {"tracking": True}},
    }
    [event] = _tell(told)
    assert (event["lead_id"], event["anonymous_id"]) == ("42", "a-1")
    assert event["traits"] == {"first_name": "Ada", "consent": {"tracking": True}}
    [nameless] = _tell({**told, "lead_id": None})
    assert "lead_id" not in nameless


def test_whose_click_it_was_is_believed_by_its_signature_alone() -> None:
    def tied(token: str) -> list[dict[str, Any]]:
        return _tell(
            {**EVENT, "type": "identify", "link": token, "lead_id": "u-6", "traits": {"title": "CEO"}}
        )

    good = KEYS.sign(Link("tie", "u-42", until=RECEIVED))
    [event] = tied(good)
    assert event["lead_id"] == "u-42"
    assert "traits" not in event
    assert tied(KEYS.sign(Link("tie", "u-42", until=Micros(RECEIVED - 1)))) == []
    assert tied(KEYS.sign(Link("click", "u-42", to="https://acme.example/"))) == []
    assert tied(good[:-1]) == tied("") == []


def test_a_file_is_named_by_its_link() -> None:
    told = {**EVENT, "type": "download", "properties": {"link": "https://acme.example/a/livre%20blanc.pdf"}}
    assert _tell(told)[0]["properties"]["asset"] == "livre blanc.pdf"
    told["properties"] = {**told["properties"], "asset": "Livre.pdf"}  # type: ignore[dict-item]
    assert _tell(told)[0]["properties"]["asset"] == "Livre.pdf"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"7",
        b'{"sent_at": "2026-11-01T08:00:00Z"}',
        b'{"sent_at": "now", "events": []}',
        b'{"sent_at": 7, "events": []}',
        b'{"sent_at": "2026-11-01T08:00:00Z", "events": {}}',
        b'{"sent_at": "2026-11-01T08:00:00Z", "events": [], "key": "x"}',
        b'{"sent_at": "2026-11-01T08:00:00Z", "events": ' + b"[" * 100_000,
        b"\xff",
    ],
)
def test_what_is_no_parcel(body: bytes) -> None:
    with pytest.raises(RefusedError) as refused:
        Browser().parcel(_head(), body)
    assert refused.value.status == 400


def test_half_a_character_costs_no_event() -> None:
    body = (
        b'{"sent_at": "2026-11-01T08:00:00Z", "events": [{"id": "e-1", "type": "page_view", '
        b'"time": "2026-11-01T08:00:00Z", "anonymous_id": "a-1", "properties": {"title": "cut \\ud83d"}}]}'
    )
    parcel = Browser().parcel(_head(), body)
    [event] = Browser().events(parcel.items[0], Context(_head(), parcel))
    assert event["properties"] == {"title": "cut ?"}


def test_the_key_is_in_the_query() -> None:
    assert Browser().key_of(_head(key="pk")) == "pk"
    assert Browser().key_of(_head()) == ""
