"""What becomes of PostHog's events."""

from typing import Any

import pytest

from connectors.ingest.mapping import PLAIN, SourceMapping
from connectors.ingest.posthog_events import Arrival, translate
from scorer.errors import EventError
from scorer.times import parse_time

AT = parse_time("2026-11-01T09:00:00Z")
NOW = Arrival(AT)
UUID = "a7c5e1f0-6f3b-4b0e-9f55-2d3a1c9b7e10"
PAGE = {"$current_url": "https://acme.test/tarifs?utm_source=x", "title": "Tarifs", "$referrer": "$direct"}
ON_PAGE = {"url": PAGE["$current_url"], "title": "Tarifs"}
VISITOR = {"$device_id": "d", "$is_identified": False, "$process_person_profile": False}


def events(
    name: str, properties: Any = None, arrival: Arrival = NOW, mapping: SourceMapping = PLAIN, **more: Any
) -> list[dict[str, Any]]:
    message = {"event": name, "uuid": "e-1", "distinct_id": "u-1", "properties": properties or {}, **more}
    return translate(message, arrival, mapping)


def event(name: str, properties: Any = None, **more: Any) -> dict[str, Any]:
    (one,) = events(name, properties, **more)
    return one


def test_a_page_view() -> None:
    found = event(
        "$pageview", {**PAGE, **VISITOR, "token": "phc", "gclid": None, "plan": "pro"}, distinct_id="d"
    )
    assert (found["id"], found["type"], found["anonymous_id"]) == ("e-1", "page_view", "d")
    assert found["properties"] == {**ON_PAGE, "plan": "pro"}
    assert found["context"] == {"utm_source": "x"}
    screen = event("$screen", {"$screen_name": "Accueil", "$lib": "posthog-ios"})
    assert (screen["type"], screen["properties"]) == ("page_view", {"title": "Accueil"})
    assert screen["context"] == {"channel": "mobile"}
    assert event("$pageview", {"$referrer": "https://x.test/"})["properties"] == {
        "referrer": "https://x.test/"
    }


def test_time_on_the_page_that_was_left() -> None:
    left = {"$prev_pageview_duration": 95.2, "$prev_pageview_pathname": "/tarifs"}
    found = event("$pageleave", {**PAGE, **left})
    assert (found["id"], found["type"]) == ("e-1", "page_time")
    assert found["properties"] == {**ON_PAGE, "duration_s": 95.2}
    view, before = events("$pageview", {**PAGE, **left, "$current_url": "https://acme.test/demo#top"})
    assert view["properties"]["url"] == "https://acme.test/demo#top"
    assert (before["id"], before["type"]) == ("e-1/left", "page_time")
    assert before["properties"] == {"url": "https://acme.test/tarifs", "duration_s": 95.2}
    assert event("$pageleave", PAGE)["properties"] == ON_PAGE
    assert "duration_s" not in event("$pageleave", {"$prev_pageview_duration": "long"})["properties"]
    odd = event("$pageleave", {**left, "$current_url": "https://[acme/"})
    assert odd["properties"]["duration_s"] == 95.2


LINK = [
    {"tag_name": "span", "nth_child": 1},
    {"tag_name": "a", "attr__href": "/files/Livre%20blanc.pdf?v=2"},
    {"tag_name": "body"},
]


def test_clicks_on_links() -> None:
    click = {"$event_type": "click", "$el_text": "Guide", **PAGE}
    found = event("$autocapture", {**click, "$elements": LINK})
    assert (found["type"], found["properties"]) == (
        "download",
        {
            **ON_PAGE,
            "link": "https://acme.test/files/Livre%20blanc.pdf?v=2",
            "asset": "Livre blanc.pdf",
            "text": "Guide",
            "action": "click",
        },
    )
    chain = 'span:nth-child="1";a.btn:attr__class="btn"attr__href="/a\\"b"href="/a\\"b";body:nth-child="1"'
    found = event("$autocapture", {**click, "$elements_chain": chain})
    assert (found["type"], found["properties"]["link"]) == ("link_click", 'https://acme.test/a"b')
    found = event("$autocapture", {**click, "$external_click_url": "https://other.test/x"})
    assert (found["type"], found["properties"]["link"]) == ("link_click", "https://other.test/x")


def test_forms_and_other_clicks() -> None:
    form = [{"tag_name": "form", "attr__name": "demo"}]
    sent = event("$autocapture", {**PAGE, "$event_type": "submit", "$elements": form})
    assert (sent["type"], sent["properties"]) == ("form_submit", {**ON_PAGE, "form": "demo"})
    chain = 'form:attr__action="/x"attr__id="f"attr_id="f"nth-child="1";body'
    assert event("$autocapture", {"$event_type": "submit", "$elements_chain": chain})["properties"] == {
        "form": "f"
    }
    button = {"$event_type": "click", "$el_text": "Demo", "$elements": [{"tag_name": "button"}, 3]}
    assert events("$autocapture", button) == []
    mapping = SourceMapping({"autocapture": "click"})
    (mapped,) = events("$autocapture", button, mapping=mapping)
    assert (mapped["type"], mapped["properties"]) == ("click", {"text": "Demo", "action": "click"})
    (link,) = events("$autocapture", {"$event_type": "click", "$elements": LINK}, mapping=mapping)
    assert link["type"] == "download"


def test_identify() -> None:
    said = {"email": "ada@acme.test", "firstName": "Ada", "$browser": "Chrome", "utm_source": "x"}
    once = {
        "email": "old@acme.test",
        "plan": "free",
        "gone": None,
        "$initial_referrer": "$direct",
        "gclid": "g",
    }
    for place in ({"$set": said, "$set_once": once}, {}):
        properties = (
            {"$anon_distinct_id": "d"} if place else {"$device_id": "d", "$set": said, "$set_once": once}
        )
        found = event("$identify", properties, **place)
        assert (found["type"], found["lead_id"], found["anonymous_id"]) == ("identify", "u-1", "d")
        assert found["traits"] == {"email": "ada@acme.test", "first_name": "Ada", "plan": "free"}
    assert event("$identify", {"$anon_distinct_id": "u-1"})["traits"] == {}
    assert "anonymous_id" not in event("$identify", {"$anon_distinct_id": "u-1", "$device_id": "u-1"})
    assert event("$identify", distinct_id=UUID)["lead_id"] == UUID


def test_properties_of_a_person() -> None:
    found = event("$set", {"$set": {"title": "CTO"}, "$unset": ["phone"]})
    assert (found["id"], found["type"], found["lead_id"]) == ("e-1", "identify", "u-1")
    assert found["traits"] == {"title": "CTO", "phone": None}
    said = {"$set": {"plan": "pro"}, "$device_id": "d", "$is_identified": True}
    happened, person = events("Demo Requested", said)
    assert (happened["type"], happened["lead_id"], happened["anonymous_id"]) == ("demo_requested", "u-1", "d")
    assert person == {
        "id": "e-1/traits",
        "context": {},
        "type": "identify",
        "lead_id": "u-1",
        "traits": {"plan": "pro"},
    }
    assert len(events("Demo Requested", {"$set_once": {"$initial_url": "x", "utm_source": None}})) == 1
    assert len(events("Demo Requested", {**VISITOR, "$set": {"plan": "pro"}}, distinct_id="d")) == 1
    engaged = translate({"$set": {"plan": "pro"}, "$distinct_id": 7}, NOW, PLAIN)
    assert [(one["type"], one["lead_id"]) for one in engaged] == [("identify", "7")]


def test_one_id_given_up_for_another() -> None:
    found = event("$create_alias", {"alias": "u-1", "distinct_id": "old"}, distinct_id="old")
    assert (found["type"], found["lead_id"], found["properties"]) == ("alias", "u-1", {"previous_id": "old"})
    assert "anonymous_id" not in event("$create_alias", {"alias": "u-1"}, distinct_id=UUID)
    found = event("$merge_dangerously", {"alias": "old"})
    assert (found["lead_id"], found["properties"]) == ("u-1", {"previous_id": "old"})


def test_companies() -> None:
    company = {
        "$group_type": "company",
        "$group_key": "c",
        "$group_set": {"name": "Acme", "employees": 12, "x": 1},
    }
    assert events("$groupidentify", company, distinct_id="random") == []
    member = {**company, "$device_id": "d", "$is_identified": True}
    assert event("$groupidentify", member)["traits"] == {"company": "Acme", "employees": 12}
    assert events("$groupidentify", {**member, "$group_type": "project"}) == []
    groups = {"project": "p", "company": "c"}
    assert event("Demo Requested", {"$groups": groups})["context"] == {"group_id": "c"}
    assert event("Demo Requested", {"$groups": {"project": 7}})["context"] == {"group_id": "7"}


def test_names() -> None:
    found = event("Whitepaper Downloaded", {"fileName": "guide.pdf", **PAGE})
    assert (found["type"], found["properties"]) == (
        "download",
        {**ON_PAGE, "file_name": "guide.pdf", "asset": "guide.pdf", "event": "Whitepaper Downloaded"},
    )
    assert event("email_link_clicked")["type"] == "email_link_clicked"
    assert event("identify")["type"] == "event_identify"
    for own in ("$web_vitals", "$exception", "$feature_flag_called", "$snapshot", "$rageclick", "$opt_in"):
        assert events(own) == []
    (mapped,) = events("$rageclick", mapping=SourceMapping({"rageclick": "rage_click"}))
    assert mapped["type"] == "rage_click"


@pytest.mark.parametrize(
    ("properties", "distinct", "lead", "anonymous"),
    [
        (VISITOR, "d", None, "d"),
        ({"$is_identified": False, "$device_id": "d"}, "after-a-reset", None, "after-a-reset"),
        ({"$is_identified": True, "$device_id": "d"}, "u-1", "u-1", "d"),
        ({"$is_identified": True, "$device_id": "d"}, UUID, UUID, "d"),
        ({"$device_id": "d"}, "d", None, "d"),
        ({"$device_id": "d"}, "u-1", "u-1", "d"),
        ({}, "u-1", "u-1", None),
        ({}, 42, "42", None),
        ({}, UUID, None, UUID),
        ({"$process_person_profile": False}, "u-1", None, "u-1"),
    ],
)
def test_whose_it_is(properties: Any, distinct: Any, lead: str | None, anonymous: str | None) -> None:
    for name in ("Demo Requested", "$set"):
        found = event(name, properties, distinct_id=distinct)
        kept = anonymous if name != "$set" or lead is None else None
        assert (found.get("lead_id"), found.get("anonymous_id")) == (lead, kept)


def test_options_of_the_newer_format() -> None:
    found = event("Demo Requested", options={"process_person_profile": False})
    assert (found.get("lead_id"), found["anonymous_id"]) == (None, "u-1")
    sent = Arrival(AT, "2026-11-01T08:00:00Z")
    told = {"timestamp": "2026-11-01T07:00:00Z", "arrival": sent}
    assert event("x", **told)["time"] == "2026-11-01T08:00:00Z"
    assert event("x", **told, options={"disable_skew_correction": True})["time"] == "2026-11-01T07:00:00Z"


def test_when_it_was() -> None:
    sent = Arrival(AT, "2026-11-01T08:00:00Z")

    def when(arrival: Arrival = sent, properties: Any = None, **more: Any) -> object:
        return event("x", properties, arrival=arrival, **more).get("time")

    at = "2026-11-01T07:00:00.000Z"
    assert when(timestamp=at) == "2026-11-01T08:00:00Z"
    assert when(NOW, timestamp=at) == "2026-11-01T07:00:00Z"
    assert when(Arrival(AT, "2026-11-01T08:00:00Z", as_told=True), timestamp=at) == "2026-11-01T07:00:00Z"
    assert when(properties={"$ignore_sent_at": True}, timestamp=at) == "2026-11-01T07:00:00Z"
    assert when(NOW, timestamp=at, sent_at="2026-11-01T08:00:00Z") == "2026-11-01T08:00:00Z"
    assert when(NOW, timestamp=at, sent_at="a while ago") == "2026-11-01T07:00:00Z"
    assert when(timestamp="2030-01-01T00:00:00Z") == "2026-11-01T09:00:00Z"
    assert when(offset=60_000) == "2026-11-01T08:59:00Z"
    assert when() is None


def test_where_it_was() -> None:
    browser = Arrival(AT, ip="192.0.2.1", user_agent="Firefox", browser=True)
    assert event("x", arrival=browser)["context"] == {
        "ip": "192.0.2.1",
        "user_agent": "Firefox",
        "channel": "browser",
    }
    said = {
        "$ip": "192.0.2.9",
        "$raw_user_agent": "Chrome",
        "$browser_language": "fr-FR",
        "$timezone": "Europe/Paris",
    }
    assert event("x", {**said, "$is_server": True, "utm_campaign": "q4"})["context"] == {
        "ip": "192.0.2.9",
        "user_agent": "Chrome",
        "locale": "fr-FR",
        "timezone": "Europe/Paris",
        "channel": "server",
        "utm_campaign": "q4",
    }


@pytest.mark.parametrize(
    "message",
    [
        3,
        {},
        {"event": ""},
        {"event": 3},
        {"event": "x", "properties": "y"},
        {"event": "x", "options": []},
        {"event": "x", "timestamp": "soon"},
        {"event": "x", "timestamp": 1e308},
        {"event": "x", "offset": 1e308},
        {"event": "$create_alias", "distinct_id": "old"},
        {"event": "$create_alias", "distinct_id": "null", "properties": {"alias": "u"}},
        {"event": "$merge_dangerously", "properties": {"alias": "u"}},
        {
            "event": "$groupidentify",
            "properties": {"$device_id": "d", "$group_type": "company", "$group_set": 3},
        },
    ],
)
def test_what_cannot_be_read(message: Any) -> None:
    with pytest.raises(EventError):
        translate(message, NOW, PLAIN)
