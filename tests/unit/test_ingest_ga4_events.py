"""What becomes of the hits of Google Analytics 4."""

from typing import Any

import pytest

from connectors.ingest.ga4_events import (
    Sender,
    hit_of_body,
    hit_of_query,
    identify,
    sender_of_body,
    sender_of_query,
    translate,
)
from connectors.ingest.mapping import PLAIN, SourceMapping
from scorer.errors import EventError
from scorer.times import DAY, SECOND, Micros, parse_time

AT = parse_time("2026-11-01T09:00:00Z")
PAGE = {"page_location": "https://acme.test/tarifs?utm_source=x", "page_title": "Tarifs"}
PROPERTIES = {"url": PAGE["page_location"], "title": "Tarifs"}


def sender(**told: Any) -> Sender:
    return sender_of_body({"client_id": "c.1", **told}, AT)


def events(
    name: Any, params: Any = None, trusted: bool = False, place: int = 0, **told: Any
) -> list[dict[str, Any]]:
    who = sender(**told)
    return translate(hit_of_body({"name": name, "params": params}, who), who, place, PLAIN, trusted)


def web(**told: str) -> list[dict[str, Any]]:
    asked = {"v": "2", "tid": "G-1", "cid": "c.1", **{name.replace("__", "."): v for name, v in told.items()}}
    return translate(hit_of_query(asked), sender_of_query(asked, AT, "192.0.2.1", "Firefox"), 0, PLAIN)


def test_a_page_view_of_a_server() -> None:
    params = {**PAGE, "page_referrer": "https://s.test/", "session_id": 12, "engagement_time_msec": 3}
    (found,) = events(
        "page_view", params, user_id="u-1", ip_override="192.0.2.9", consent={"ad_user_data": "DENIED"}
    )
    assert found == {
        "type": "page_view",
        "lead_id": "u-1",
        "anonymous_id": "c.1",
        "properties": {**PROPERTIES, "referrer": "https://s.test/"},
        "context": {
            "utm_source": "x",
            "ip": "192.0.2.9",
            "consent": {"ad_user_data": "DENIED"},
            "session_id": "12",
        },
    }


def test_a_page_view_of_the_web() -> None:
    (found,) = web(
        en="page_view",
        dl=PAGE["page_location"],
        dt="Tarifs",
        ul="fr",
        sid="12",
        gcs="G111",
        cm="mail",
        _et="5",
    )
    assert found["properties"] == PROPERTIES
    assert found["context"] == {
        "utm_source": "x",
        "utm_medium": "mail",
        "ip": "192.0.2.1",
        "user_agent": "Firefox",
        "channel": "browser",
        "consent": {"gcs": "G111"},
        "session_id": "12",
        "locale": "fr",
    }


@pytest.mark.parametrize(
    ("name", "params", "of_type", "properties"),
    [
        ("file_download", {"file_name": "wp.pdf"}, "download", {"asset": "wp.pdf", "event": "file_download"}),
        ("file_download", {"link_url": "https://a.test/f"}, "download", {"link": "https://a.test/f"}),
        ("screen_view", {"firebase_screen": "Home"}, "page_view", {"firebase_screen": "Home"}),
        ("generate_lead", {"value": 120.0, "currency": "EUR"}, "generate_lead", {"value": 120.0}),
        ("form_submit", {"form_id": "f"}, "form_submit", {"form_id": "f"}),
        ("view_search_results", {"search_term": "crm"}, "view_search_results", {"search_term": "crm"}),
        ("Démo", {}, "demo", {"event": "Démo"}),
        ("alias", {}, "event_alias", {}),
        ("user_engagement", {"engagement_time_msec": "2500", **PAGE}, "page_time", {"duration_s": 2.5}),
        ("user_engagement", {"engagement_time_msec": 0}, "page_time", {"duration_s": 0}),
        ("user_engagement", {"engagement_time_msec": "x"}, "page_time", {}),
    ],
)
def test_what_a_hit_tells(
    name: str, params: dict[str, Any], of_type: str, properties: dict[str, Any]
) -> None:
    (found,) = events(name, params)
    assert found["type"] == of_type
    assert found["properties"] == found["properties"] | properties


def test_time_on_the_page_that_another_event_tells_of() -> None:
    for found in (
        events("scroll", {**PAGE, "engagement_time_msec": 4_000}, timestamp_micros=AT),
        web(en="scroll", dl=PAGE["page_location"], dt="Tarifs", _et="4000", _p="1", _s="2"),
    ):
        scroll, stayed = found
        assert (scroll["type"], stayed["type"]) == ("scroll", "page_time")
        assert stayed["properties"] == {**PROPERTIES, "duration_s": 4}
        assert stayed["id"] == f"{scroll['id']}/time"
        assert stayed["anonymous_id"] == "c.1"


def test_parameters_of_the_web() -> None:
    (found,) = web(en="demo_ask", ep__plan="pro", epn__seats="12", epn__odd="x")
    assert found["properties"] == {"plan": "pro", "seats": 12, "odd": "x"}


def test_who_it_is() -> None:
    who = sender(user_id=42, user_properties={"jobTitle": {"value": "CTO"}, "company": "Acme", "gone": {}})
    assert identify(who, PLAIN) == {
        "type": "identify",
        "lead_id": "42",
        "anonymous_id": "c.1",
        "traits": {"job_title": "CTO", "company": "Acme", "gone": None},
    }
    assert identify(who, SourceMapping(traits={"jobTitle": "title"}))["traits"]["title"] == "CTO"
    on_web = sender_of_query({"cid": "c", "up.company": "Acme", "upn.employees": "12"}, AT, None, None)
    assert identify(on_web, PLAIN)["traits"] == {"company": "Acme", "employees": 12}
    assert sender_of_body({"app_instance_id": "app"}, AT).anonymous_id == "app"
    assert sender(user_id="u").tells_who
    assert not sender(user_id="undefined").tells_who
    assert not sender_of_body({"user_id": "u"}, AT).tells_who
    assert sender(user_id="u" * 600).lead_id is None


@pytest.mark.parametrize(
    ("told", "trusted", "time"),
    [
        (AT - 60 * SECOND, False, "2026-11-01T08:59:00Z"),
        (str(AT - 60 * SECOND), False, "2026-11-01T08:59:00Z"),
        (AT - 10 * DAY, False, "2026-10-29T09:00:00Z"),
        (AT - 10 * DAY, True, "2026-10-22T09:00:00Z"),
        (AT + DAY, True, "2026-11-01T09:00:00Z"),
        (1e300, True, "2026-11-01T09:00:00Z"),
        (None, False, None),
    ],
)
def test_times_are_asserted(told: object, trusted: bool, time: str | None) -> None:
    (found,) = events("x", trusted=trusted, timestamp_micros=told)
    assert found.get("time") == time


def test_an_event_s_own_time_wins() -> None:
    who = sender(timestamp_micros=AT)
    hit = hit_of_body({"name": "x", "timestamp_micros": AT - SECOND}, who)
    assert translate(hit, who, 0, PLAIN)[0]["time"] == "2026-11-01T08:59:59Z"


def test_a_hit_sent_again_has_the_id_of_the_first() -> None:
    told = {"timestamp_micros": int(Micros(AT))}
    assert events("x", {"a": 1}, **told)[0]["id"] == events("x", {"a": 1}, **told)[0]["id"]
    others = [
        events("x", {"a": 2}, **told),
        events("y", {"a": 1}, **told),
        events("x", {"a": 1}, place=1, **told),
        events("x", {"a": 1}, client_id="c.2", **told),
    ]
    assert events("x", {"a": 1}, **told)[0]["id"] not in [one[0]["id"] for one in others]
    assert "id" not in events("x", {"a": 1})[0]
    assert web(en="x", _p="1", _s="2")[0]["id"] == web(en="x", _p="1", _s="2")[0]["id"]
    assert web(en="x", _p="1", _s="2")[0]["id"] != web(en="x", _p="1", _s="3")[0]["id"]
    assert "id" not in web(en="x", _p="1")[0]


@pytest.mark.parametrize(
    "event",
    [
        7,
        {},
        {"name": 7},
        {"name": ""},
        {"name": "x", "params": []},
        {"name": "x", "timestamp_micros": "soon"},
    ],
)
def test_what_cannot_be_read(event: Any) -> None:
    with pytest.raises(EventError):
        translate(hit_of_body(event, sender()), sender(), 0, PLAIN)
