"""What becomes of the requests of Matomo's tracking API."""

from typing import Any

import pytest

from connectors.ingest.dwell import PageViews
from connectors.ingest.mapping import PLAIN, SourceMapping
from connectors.ingest.matomo_events import Arrival, translate
from scorer.errors import EventError
from scorer.times import DAY, SECOND, Micros, parse_time

AT = parse_time("2026-11-01T09:00:00Z")
NOW = Arrival(AT)
VISITOR = "b1d6c3aa54a04a9d"


def events(
    arrival: Arrival = NOW, mapping: SourceMapping = PLAIN, views: PageViews | None = None, **told: str
) -> list[dict[str, Any]]:
    asked = {"idsite": "1", "rec": "1", "_id": VISITOR, **told}
    return translate(asked, arrival, mapping, views or PageViews())


def event(arrival: Arrival = NOW, **told: str) -> dict[str, Any]:
    (found,) = events(arrival, **told)
    return found


def test_a_page_view() -> None:
    found = event(
        url="https://acme.test/tarifs?utm_source=x&mtm_campaign=q4&pk_kwd=crm",
        action_name="Tarifs",
        urlref="https://search.test/",
        lang="fr",
        ua="Firefox",
        h="23",
        m="59",
        s="59",
    )
    assert found == {
        "type": "page_view",
        "anonymous_id": VISITOR,
        "properties": {
            "url": "https://acme.test/tarifs?utm_source=x&mtm_campaign=q4&pk_kwd=crm",
            "title": "Tarifs",
            "referrer": "https://search.test/",
        },
        "context": {
            "user_agent": "Firefox",
            "locale": "fr",
            "utm_campaign": "q4",
            "utm_term": "crm",
            "utm_source": "x",
        },
    }


@pytest.mark.parametrize(
    ("told", "of_type", "properties"),
    [
        (
            {"e_c": "Videos", "e_a": "Play", "e_n": "Démo", "e_v": "2.5"},
            "play",
            {"value": 2.5, "name": "Démo"},
        ),
        ({"e_c": "email", "e_a": "click", "e_n": "nurture-2"}, "email_click", {"campaign": "nurture-2"}),
        ({"e_c": "Email", "e_a": "Opened"}, "email_open", {"event": "Opened"}),
        ({"e_c": "Form", "e_a": "Submit"}, "form_submit", {"category": "Form"}),
        ({"e_c": "Files", "e_a": "Downloaded", "e_n": "wp.pdf"}, "download", {"asset": "wp.pdf"}),
        ({"e_c": "x", "e_a": "alias"}, "event_alias", {}),
        ({"download": "https://acme.test/f/wp%20a.pdf?v=1"}, "download", {"asset": "wp a.pdf"}),
        ({"link": "https://other.test/"}, "link_click", {"link": "https://other.test/"}),
        ({"search": "crm", "search_cat": "docs", "search_count": "0"}, "site_search", {"search_results": 0}),
        ({"idgoal": "3", "revenue": "120"}, "goal", {"goal": 3, "revenue": 120}),
        ({"idgoal": "0", "revenue": "12.5"}, "cart_updated", {"revenue": 12.5}),
        (
            {"idgoal": "0", "ec_id": "o-1", "revenue": "9", "ec_items": '[["sku","n","c",4.5,2],3]'},
            "order_completed",
            {
                "order_id": "o-1",
                "revenue": 9,
                "items": [{"sku": "sku", "name": "n", "category": "c", "price": 4.5, "quantity": 2}],
            },
        ),
        ({"idgoal": "0", "ec_id": "o-1", "ec_items": "[["}, "order_completed", {"order_id": "o-1"}),
        ({"c_n": "ad", "c_p": "a.png"}, "content_impression", {"content": "ad", "piece": "a.png"}),
        ({"c_n": "ad", "c_i": "click"}, "content_interaction", {"interaction": "click"}),
        ({"_pks": "s", "_pkp": "1.5"}, "page_view", {"product_sku": "s", "product_price": 1.5}),
        ({"dimension2": "640"}, "page_view", {"dimension2": "640"}),
        ({"cvar": '{"1":["Plan Type","pro"]}'}, "page_view", {"plan_type": "pro"}),
        ({"e_c": "a", "e_a": "b", "e_v": "inf"}, "b", {"value": "inf"}),
    ],
)
def test_what_a_request_tells(told: dict[str, str], of_type: str, properties: dict[str, Any]) -> None:
    found = event(url="https://acme.test/tarifs", **told)
    assert found["type"] == of_type
    assert found["properties"] == found["properties"] | properties | {"url": "https://acme.test/tarifs"}


@pytest.mark.parametrize("told", [{"rec": "0"}, {"recMode": "1"}, {"ca": "1", "ma_id": "x"}])
def test_what_tells_of_nothing(told: dict[str, str]) -> None:
    assert events(url="https://acme.test/", **told) == []


@pytest.mark.parametrize("told", [{"idsite": ""}, {"e_c": "x"}, {"e_a": "x"}, {"e_c": " ", "e_a": "x"}])
def test_what_cannot_be_read(told: dict[str, str]) -> None:
    with pytest.raises(EventError):
        events(**told)


def test_an_image_knows_the_page_it_stands_on() -> None:
    arrival = Arrival(AT, page="https://acme.test/page")
    assert event(arrival)["properties"]["url"] == "https://acme.test/page"
    assert "url" not in event(arrival, urlref="https://x.test/")["properties"]


def test_both_ids_are_tied_by_an_event_of_its_own() -> None:
    view, tie = events(url="https://acme.test/", uid="u-1", cid="AB", r="123456")
    assert (view["lead_id"], view["anonymous_id"]) == ("u-1", "AB")
    assert tie == {
        "type": "identify",
        "id": f"{view['id']}/tie",
        "lead_id": "u-1",
        "anonymous_id": "AB",
        "traits": {},
    }
    assert len(events(ping="1", pv_id="a", uid="u-1")) == 1
    assert len(events(url="https://acme.test/", uid="undefined")) == 1


def test_traits_in_variables_and_mapped_dimensions() -> None:
    mapping = SourceMapping(traits={"dimension1": "company"})
    variables = '{"1":["industry","Logistics"],"2":["title","CTO"],"3":["Plan","pro"]}'
    view, identify = events(mapping=mapping, url="https://a.test/", dimension1="Acme", _cvar=variables)
    assert view["properties"] == {"url": "https://a.test/", "plan": "pro"}
    assert identify["traits"] == {"industry": "Logistics", "title": "CTO", "company": "Acme"}
    assert "lead_id" not in identify


def test_names_can_be_mapped() -> None:
    mapping = SourceMapping({"demo_ask": "form_submit", "play": "watched"}, {"dimension1": "plan"})
    (found,) = events(mapping=mapping, e_c="Demo", e_a="Ask", dimension1="pro")
    assert (found["type"], found["properties"]["plan"]) == ("form_submit", "pro")
    assert events(mapping=mapping, e_c="Videos", e_a="Play")[0]["type"] == "watched"


@pytest.mark.parametrize(
    ("cdt", "trusted", "time"),
    [
        ("2026-11-01 08:00:00", False, "2026-11-01T08:00:00Z"),
        ("2026-10-31 08:00:00", False, None),
        ("2026-10-01 08:00:00", True, "2026-10-01T08:00:00Z"),
        ("2026-10-01", True, "2026-10-01T00:00:00Z"),
        (str(AT // SECOND - 60), False, "2026-11-01T08:59:00Z"),
        (str(AT // SECOND + 60), True, None),
        ("1" * 5_000, True, None),
        ("soon", True, None),
    ],
)
def test_a_time_is_asserted_within_a_day_or_with_a_token(cdt: str, trusted: bool, time: str | None) -> None:
    assert event(Arrival(AT, trusted), url="https://a.test/", cdt=cdt).get("time") == time


def test_seconds_back() -> None:
    assert event(url="https://a.test/", cdo="60")["time"] == "2026-11-01T08:59:00Z"
    assert event(url="https://a.test/", cdo="x").get("time") is None


def test_the_sender_is_the_visitor_unless_it_has_a_token() -> None:
    assert event(Arrival(AT, ip="192.0.2.1"), cip="192.0.2.9")["context"] == {"ip": "192.0.2.1"}
    assert event(Arrival(AT, True, ip="192.0.2.1"), cip="192.0.2.9")["context"] == {"ip": "192.0.2.9"}
    assert event(Arrival(AT, True, ip="192.0.2.1"))["context"] == {}


def test_a_request_sent_again_has_the_id_of_the_first() -> None:
    for told in ({"r": "123456"}, {"rand": "1"}, {"cdt": "2026-11-01 08:00:00"}, {"pv_id": "aB3xZ9"}):
        first, second = event(url="https://a.test/", **told), event(url="https://a.test/", **told)
        assert first["id"] == second["id"]
        assert first["id"] != event(url="https://b.test/", **told)["id"]
    assert "id" not in event(url="https://a.test/")
    assert "id" not in event(e_c="x", e_a="y", pv_id="aB3xZ9")
    assert "id" not in event(url="https://a.test/", cdt="2026-09-01 08:00:00")


def test_a_heartbeat_tells_the_time_since_the_last_sign_of_its_page_view() -> None:
    views = PageViews()

    def at(seconds: int, **told: str) -> dict[str, Any]:
        (found,) = events(Arrival(Micros(AT + seconds * SECOND)), views=views, url="https://a.test/t", **told)
        return found

    at(0, pv_id="first")
    at(5, pv_id="second")
    beats = [at(20, ping="1", pv_id="first"), at(50, ping="1", pv_id="first")]
    assert [beat["type"] for beat in beats] == ["page_time"] * 2
    assert [beat["properties"]["duration_s"] for beat in beats] == [20, 30]
    assert at(50, ping="1", pv_id="first")["properties"]["duration_s"] == 30
    assert at(65, ping="1", pv_id="second")["properties"]["duration_s"] == 60
    assert "duration_s" not in at(70, ping="1", pv_id="third")["properties"]
    assert "duration_s" not in at(70, ping="1")["properties"]


def test_only_the_newest_page_views_are_remembered() -> None:
    views = PageViews(most=2)
    for place, view in enumerate("abc"):
        views.viewed(view, Micros(place))
    assert views.beat("a", Micros(SECOND)) is None
    assert views.beat("b", Micros(1 + SECOND)) == 1


def test_who_was_away_did_not_stay() -> None:
    views = PageViews()
    views.viewed("a", Micros(0))
    assert views.beat("a", Micros(DAY)) is None
    assert views.beat("a", Micros(DAY + SECOND)) == 1


def test_a_variable_named_as_a_part_of_the_page_is_not_that_part() -> None:
    found = event(url="https://a.test/", action_name="Tarifs", cvar='{"1":["title","x"],"2":["url","y"]}')
    assert found["properties"] == {"url": "https://a.test/", "title": "Tarifs"}
