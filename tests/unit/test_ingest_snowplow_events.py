"""What becomes of the items of Snowplow's tracker protocol."""

import base64
import json
from typing import Any

import pytest

from connectors.ingest.mapping import PLAIN, SourceMapping
from connectors.ingest.snowplow_events import Arrival, translate
from scorer.errors import EventError
from scorer.times import parse_time

AT = parse_time("2026-11-01T09:00:00Z")
NOW = Arrival(AT)
MS = AT // 1000
PAGE = {"url": "https://acme.test/tarifs?utm_source=x", "page": "Tarifs", "refr": "https://acme.test/"}
ON_PAGE = {"url": PAGE["url"], "title": "Tarifs", "referrer": "https://acme.test/"}
SESSION = {
    "schema": "iglu:com.snowplowanalytics.snowplow/client_session/jsonschema/1-0-2",
    "data": {"userId": "device-7", "sessionIndex": 1},
}


def events(arrival: Arrival = NOW, mapping: SourceMapping = PLAIN, **item: Any) -> list[dict[str, Any]]:
    return translate({"duid": "d", "eid": "e-1", **item}, arrival, mapping)


def event(**item: Any) -> dict[str, Any]:
    (one,) = events(**item)
    return one


def happened(name: str, data: Any, vendor: str = "com.acme") -> dict[str, Any]:
    inner = {"schema": f"iglu:{vendor}/{name}/jsonschema/1-0-0", "data": data}
    return {"schema": "iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0", "data": inner}


def described(name: str, data: Any, **more: Any) -> dict[str, Any]:
    return event(e="ue", ue_pr=json.dumps(happened(name, data)), **more)


def contexts(*entities: Any) -> str:
    return json.dumps({"schema": "iglu:x/contexts/jsonschema/1-0-1", "data": entities})


def test_a_page_view_and_a_ping() -> None:
    view = event(e="pv", **PAGE)
    assert (view["type"], view["properties"], view["context"]) == ("page_view", ON_PAGE, {"utm_source": "x"})
    assert (view["id"], view["anonymous_id"]) == ("e-1", "d")
    ping = event(e="pp", pp_mix="0", pp_may="240", **PAGE)
    assert (ping["type"], ping["properties"]) == ("page_time", {**ON_PAGE, "duration_s": 10})
    (slow,) = events(mapping=SourceMapping(heartbeat_s=30), e="pp")
    assert slow["properties"] == {"duration_s": 30}


def test_a_structured_event_is_named_by_its_action() -> None:
    found = event(
        e="se", se_ca="Offre", se_ac="Demo Requested", se_la="top", se_pr="pro", se_va="12.5", **PAGE
    )
    assert (found["type"], found["properties"]) == (
        "demo_requested",
        {
            **ON_PAGE,
            "category": "Offre",
            "label": "top",
            "property": "pro",
            "value": 12.5,
            "event": "Demo Requested",
        },
    )
    assert event(e="se", se_ca="docs", se_ac="Whitepaper Downloaded")["type"] == "download"
    assert event(e="se", se_ca="user", se_ac="identify")["type"] == "event_identify"
    for odd in ("much", "nan", "1e400"):
        assert event(e="se", se_ca="c", se_ac="a", se_va=odd)["properties"]["value"] == odd


def test_a_mapping_names_structured_events_by_action_or_with_their_category() -> None:
    mapping = SourceMapping({"email_click": "email_click", "click": "link_click"}, {"label": "campaign"})
    (mail,) = events(mapping=mapping, e="se", se_ca="E-mail", se_ac="Click", se_la="nurture")
    assert mail["type"] == "link_click"
    (mail,) = events(mapping=mapping, e="se", se_ca="email", se_ac="Click", se_la="nurture")
    assert (mail["type"], mail["properties"]["campaign"]) == ("email_click", "nurture")


def test_a_link_to_a_file_is_a_download() -> None:
    link = "https://acme.test/files/Livre%20blanc.pdf?v=2"
    found = described("link_click", {"targetUrl": link, "elementId": "dl"}, **PAGE)
    assert (found["type"], found["properties"]) == (
        "download",
        {**ON_PAGE, "asset": "Livre blanc.pdf", "link": link, "element_id": "dl", "event": "link_click"},
    )
    for link in ("https://acme.test/tarifs", "https://acme.test/", "mailto:a@acme.test", "https://[x/a.pdf"):
        found = described("link_click", {"targetUrl": link})
        assert (found["type"], found["properties"]["link"]) == ("link_click", link)
    mapping = SourceMapping({"link_click": "outbound"})
    (found,) = events(
        mapping=mapping, e="ue", ue_pr=json.dumps(happened("link_click", {"targetUrl": "/a.pdf"}))
    )
    assert found["type"] == "outbound"


def test_a_form_never_tells_what_was_typed() -> None:
    elements = [{"name": "email", "value": "ada@acme.test", "nodeName": "INPUT"}, {"value": "x"}, 3]
    sent = described("submit_form", {"formId": "f", "elements": elements}, **PAGE)
    assert (sent["type"], sent["properties"]) == (
        "form_submit",
        {**ON_PAGE, "form_id": "f", "fields": ["email"], "event": "submit_form"},
    )
    typed = happened("change_form", {"formId": "f", "elementId": "email", "value": "ada@acme.test"})
    assert events(e="ue", ue_pr=json.dumps(typed)) == []
    assert events(e="ue", ue_pr=json.dumps(happened("focus_form", {"value": ""})), uid="u") == []
    (mapped,) = events(mapping=SourceMapping({"change_form": "form_change"}), e="ue", ue_pr=json.dumps(typed))
    assert mapped["properties"] == {"form_id": "f", "element_id": "email", "event": "change_form"}


def test_other_self_describing_events_are_named_by_their_schema() -> None:
    found = described("demo-request", {"planType": "pro", "seats": 3, "none": None}, **PAGE)
    assert (found["type"], found["properties"]) == (
        "demo_request",
        {**ON_PAGE, "plan_type": "pro", "seats": 3, "event": "demo-request"},
    )
    screen = described("screen_view", {"name": "Accueil", "id": "s-1"})
    assert (screen["type"], screen["properties"]["title"]) == ("page_view", "Accueil")
    assert described("alias", {})["type"] == "event_alias"
    assert described("nothing_more", None)["properties"] == {"event": "nothing_more"}


def test_an_event_named_identify_stands_in_for_the_call_that_the_protocol_lacks() -> None:
    traits = {"firstName": "Ada", "company": {"name": "Initech"}}
    (found,) = events(e="ue", ue_pr=json.dumps(happened("identify", traits)), uid="u-1")
    assert (found["type"], found["lead_id"], found["anonymous_id"]) == ("identify", "u-1", "d")
    assert found["traits"] == {"first_name": "Ada", "company": "Initech"}
    assert "properties" not in found


@pytest.mark.parametrize(
    "packed",
    [
        base64.b64encode,
        base64.urlsafe_b64encode,
        lambda text: base64.b64encode(text).rstrip(b"="),
        lambda text: base64.urlsafe_b64encode(text).rstrip(b"="),
    ],
)
def test_base64_in_either_alphabet_with_padding_or_without(packed: Any) -> None:
    for filler in ("", "é", "éé", "???>>>", "~~~~~"):
        text = json.dumps(happened("demo", {"filler": filler}), ensure_ascii=False).encode()
        assert event(e="ue", ue_px=packed(text).decode())["properties"]["filler"] == filler


def test_a_transaction_and_its_items() -> None:
    whole = event(e="tr", tr_id="o-1", tr_tt="120.50", tr_cu="EUR", tr_co="FR")
    assert (whole["type"], whole["properties"]) == (
        "transaction",
        {"order_id": "o-1", "total": 120.5, "currency": "EUR", "country": "FR"},
    )
    item = event(e="ti", ti_id="o-1", ti_sk="007", ti_nm="Licence", ti_pr="60", ti_qu="2")
    assert (item["type"], item["properties"]) == (
        "transaction_item",
        {"order_id": "o-1", "sku": "007", "name": "Licence", "price": 60, "quantity": 2},
    )


def test_an_event_with_both_ids_ties_them() -> None:
    view, tie = events(e="pv", uid="u-1", dtm=str(MS - 5_000), **PAGE)
    assert (view["lead_id"], view["anonymous_id"]) == ("u-1", "d")
    assert tie == {
        "id": "e-1/tie",
        "type": "identify",
        "lead_id": "u-1",
        "anonymous_id": "d",
        "time": "2026-11-01T08:59:55Z",
    }
    assert [one["type"] for one in events(e="pp", uid="u-1")] == ["page_time"]
    assert [one.get("id") for one in events(e="pv", uid="u-1", eid="")] == [None, None]
    for nobody in ("", "null", "undefined", None, "d"):
        assert len(events(e="pv", uid=nobody)) == 1


def test_who_it_was() -> None:
    arrival = Arrival(AT, network_id="from-cookie")
    session = contexts({"schema": "iglu:x/web_page/jsonschema/1-0-0", "data": {"id": "p"}}, SESSION)

    def who(**item: Any) -> object:
        (one,) = translate({"e": "pv", **item}, arrival, PLAIN)
        return one.get("anonymous_id")

    assert who(duid="d", tnuid="t", co=session) == "d"
    assert who(tnuid="t", co=session) == "device-7"
    assert who(cx=base64.b64encode(session.encode()).decode(), duid="null") == "device-7"
    assert who(tnuid="t", co="{") == "t"
    assert who(tnuid="t", co='{"data": [3]}') == "t"
    assert who(tnuid="t", co="3", cx="{") == "t"
    assert who() == "from-cookie"
    assert (
        translate({"e": "pv", "uid": 42}, NOW, PLAIN)[0] | {"lead_id": "42"}
        == (translate({"e": "pv", "uid": 42}, NOW, PLAIN)[0])
    )


def test_where_it_was() -> None:
    arrival = Arrival(AT, "192.0.2.1", "Firefox")
    assert events(arrival, e="pv")[0]["context"] == {"ip": "192.0.2.1", "user_agent": "Firefox"}
    said = {"ip": "192.0.2.9", "ua": "Chrome", "lang": "fr-FR", "tz": "Europe/Paris", "p": "web"}
    assert events(arrival, e="pv", **said)[0]["context"] == {
        "ip": "192.0.2.9",
        "user_agent": "Chrome",
        "locale": "fr-FR",
        "timezone": "Europe/Paris",
        "channel": "browser",
    }
    assert event(e="pv", p="srv")["context"] == {"channel": "server"}


def test_when_it_was() -> None:
    def when(**item: Any) -> object:
        return event(e="pv", **item).get("time")

    assert when(ttm=str(MS - 86_400_000), dtm="7", stm="9") == "2026-10-31T09:00:00Z"
    assert when(ttm=str(MS + 1)) == "2026-11-01T09:00:00Z"
    assert when(dtm="1000", stm="61000") == "2026-11-01T08:59:00Z"
    assert when(dtm=str(MS - 60_000)) == "2026-11-01T08:59:00Z"
    assert when(dtm=str(MS - 60_000), stm="a while ago") == "2026-11-01T08:59:00Z"
    assert when(dtm=MS - 60_000, stm=MS) == "2026-11-01T08:59:00Z"
    assert when(dtm="5000", stm="4000") == "2026-11-01T09:00:00Z"  # sent in whole seconds
    assert when() is None


@pytest.mark.parametrize(
    "item",
    [
        3,
        {},
        {"e": "ad"},
        {"e": ["pv"]},
        {"e": "se", "se_ca": "c"},
        {"e": "ue"},
        {"e": "ue", "ue_pr": "{"},
        {"e": "ue", "ue_pr": "[" * 5_000},
        {"e": "ue", "ue_pr": 3},
        {"e": "ue", "ue_px": "é"},
        {"e": "ue", "ue_px": "/w=="},
        {"e": "ue", "ue_px": "YQ=="},
        {"e": "ue", "ue_pr": '{"data": {"schema": "demo", "data": {}}}'},
        {"e": "ue", "ue_pr": json.dumps(happened("demo", [1]))},
        {"e": "pv", "dtm": "soon"},
        {"e": "pv", "ttm": "1e400"},
        {"e": "pv", "ttm": "nan"},
    ],
)
def test_what_cannot_be_read(item: Any) -> None:
    with pytest.raises(EventError):
        translate(item, NOW, PLAIN)
