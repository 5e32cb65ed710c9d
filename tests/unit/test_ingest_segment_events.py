"""What becomes of the calls of Segment's specification."""

from typing import Any

import pytest

from connectors.ingest.mapping import PLAIN
from connectors.ingest.segment_events import Arrival, translate
from scorer.errors import EventError
from scorer.times import Micros, parse_time

AT = parse_time("2026-11-01T09:00:00Z")
PAGE = {"url": "https://acme.test/tarifs?utm_source=x&utm_id=7&a=1", "title": "Tarifs", "referrer": ""}


NOW = Arrival(AT)


def event(arrival: Arrival = NOW, **message: Any) -> dict[str, Any]:
    return translate({"userId": "u", **message}, arrival, PLAIN)


def test_ids() -> None:
    assert event(type="page", messageId="m")["id"] == "m"
    assert "id" not in event(type="page")
    assert "id" not in event(type="page", messageId="")
    assert event(type="page", userId=42, anonymousId=7) | {"lead_id": "42", "anonymous_id": "7"} == (
        event(type="page", userId=42, anonymousId=7)
    )
    assert translate({"type": "page", "user_id": "u"}, NOW, PLAIN)["lead_id"] == "u"
    assert "lead_id" not in event(type="page", userId=None, anonymousId="a")


def test_what_happened_on_a_page_knows_the_page() -> None:
    track = event(type="track", event="Form Sent", properties={"title": "Mine"}, context={"page": PAGE})
    assert track["properties"] == {"event": "Form Sent", "title": "Mine", "url": PAGE["url"]}


def test_a_page_and_a_screen() -> None:
    page = event(type="page", name="Tarifs", category="Offre", properties={"url": "https://acme.test/t"})
    assert page["properties"] == {
        "url": "https://acme.test/t",
        "name": "Tarifs",
        "category": "Offre",
        "title": "Tarifs",
    }
    screen = event(type="screen", name="Accueil", properties={"tab": None})
    assert (screen["type"], screen["properties"]) == ("page_view", {"name": "Accueil", "title": "Accueil"})


def test_the_campaign_from_the_library_and_from_the_address() -> None:
    campaign = {"name": "demo", "source": "mail", "content": "top"}
    found = event(type="page", context={"page": PAGE, "campaign": campaign})["context"]
    assert found == {
        "utm_source": "mail",
        "utm_id": "7",
        "utm_campaign": "demo",
        "utm_content": "top",
    }
    odd = event(type="page", properties={"url": "https://[acme/?utm_source=x"})
    assert odd["context"] == {}


def test_who_sent_it() -> None:
    arrival = Arrival(AT, browser=True, ip="192.0.2.1", user_agent="Firefox")
    assert event(arrival, type="page")["context"] == {
        "ip": "192.0.2.1",
        "user_agent": "Firefox",
        "channel": "browser",
    }
    server = Arrival(AT, ip="192.0.2.1", user_agent="analytics-python")
    said = {"ip": "192.0.2.9", "userAgent": "Chrome", "locale": "fr-FR", "groupId": "c"}
    assert event(server, type="page", channel="server", context=said)["context"] == {
        "ip": "192.0.2.9",
        "user_agent": "Chrome",
        "channel": "server",
        "locale": "fr-FR",
        "group_id": "c",
    }
    assert event(server, type="page")["context"] == {}


def test_identify_takes_traits_from_the_context_too() -> None:
    context = {"traits": {"email": "a@b.fr", "lastName": "Old"}}
    found = event(type="identify", context=context, traits={"lastName": "New"})
    assert found["traits"] == {"email": "a@b.fr", "last_name": "New"}


def test_alias_names_the_former_identity() -> None:
    assert event(type="alias", previousId=7)["properties"] == {"previous_id": "7"}
    browser = event(type="alias", anonymousId="a")
    assert browser["properties"] == {"previous_id": "a"}
    assert "anonymous_id" not in browser
    for nobody in ("", "undefined", None):
        assert event(type="alias", previousId=nobody, anonymousId="a")["properties"] == {"previous_id": "a"}


@pytest.mark.parametrize(
    "message",
    [
        3,
        {"type": "track"},
        {"type": "track", "event": 3},
        {"type": ["page"]},
        {"type": "page", "context": 3},
        {"type": "page", "properties": "x"},
        {"type": "page", "context": {"page": "x"}},
        {"type": "page", "context": {"campaign": []}},
        {"type": "identify", "traits": []},
        {"type": "identify", "context": {"traits": 1}},
        {"type": "alias"},
        {"type": "alias", "previousId": "null"},
        {"type": "page", "timestamp": "soon"},
        {"type": "page", "timestamp": 1e308},
    ],
)
def test_what_cannot_be_read(message: Any) -> None:
    with pytest.raises(EventError):
        translate(message, NOW, PLAIN)


def test_a_clock_that_is_years_off_is_set_right() -> None:
    found = event(type="page", timestamp="1970-01-01T00:10:00Z", sentAt="1970-01-01T00:11:00Z")
    assert found["time"] == "2026-11-01T08:59:00Z"
    assert Micros(parse_time("2026-11-01T09:00:00Z")) == AT
