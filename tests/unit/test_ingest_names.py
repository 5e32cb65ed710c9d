"""The contract's rules for trackers' names."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.ingest.names import corrected, event_type, group_traits, properties_of, snake, traits_of
from connectors.ingest.segment_events import DEFINED
from scorer.times import Micros

untimed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize(
    ("name", "of_type"),
    [
        ("Email Delivered", "email_delivered"),
        ("Email Opened", "email_open"),
        ("Email Link Clicked", "email_click"),
        ("email_link_clicked", "email_click"),
        ("Email Bounced", "email_bounce"),
        ("Email Marked as Spam", "email_complaint"),
        ("Unsubscribed", "unsubscribe"),
        ("Whitepaper Downloaded", "download"),
        ("pdf_downloaded", "download"),
        ("Downloaded", "download"),
        ("Download Started", "download_started"),
        ("Demo Requested", "demo_requested"),
        ("  Demo -- Requested!", "demo_requested"),
        ("Page Time", "page_time"),
        ("Trial Started", "trial_started"),
        ("Signed Up", "signed_up"),
        ("Order Completed", "order_completed"),
        ("Démo demandée", "demo_demandee"),
        ("1st Visit", "event_1st_visit"),
        ("Identify", "event_identify"),
        ("デモ", "event"),
    ],
)
def test_types(name: str, of_type: str) -> None:
    assert event_type(name, DEFINED, {}) == of_type


@untimed
@given(st.text())
def test_every_name_gives_a_type(name: str) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", event_type(name, DEFINED, {}))


@untimed
@given(st.from_regex(r"[A-Za-z0-9 _.-]+", fullmatch=True))
def test_snake_case_is_the_contract_s(name: str) -> None:
    assert snake(name) == re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def test_a_mapping_comes_first() -> None:
    assert event_type("Email Opened", DEFINED, {"email_opened": "newsletter_read"}) == "newsletter_read"
    assert event_type("Ebook Downloaded", {}, {"ebook_downloaded": "ebook"}) == "ebook"


def test_properties_get_our_names() -> None:
    assert properties_of(
        {"link_url": "https://a/b", "campaign_name": "demo", "planType": "pro", "Plan Name": "x"},
        "signal",
        {},
    ) == {"link": "https://a/b", "campaign": "demo", "plan_type": "pro", "plan_name": "x"}


def test_a_name_that_is_taken_is_kept() -> None:
    assert properties_of({"campaign_name": "long", "campaign": "short"}, "signal", {}) == {
        "campaign": "short"
    }
    assert properties_of({"campaign": "short", "campaign_name": "long"}, "signal", {}) == {
        "campaign": "short"
    }


@pytest.mark.parametrize(
    ("given_as", "duration_s"),
    [
        ({"duration": 30}, 30),
        ({"seconds": 95.5}, 95.5),
        ({"duration_ms": 1_500}, 1.5),
        ({"durationMs": 1_500}, 1.5),
        ({"duration_s": 7, "duration": 30}, 7),
        ({"duration": "30"}, None),
        ({"duration": True}, None),
        ({}, None),
    ],
)
def test_the_time_on_a_page(given_as: dict[str, object], duration_s: float | None) -> None:
    assert properties_of(given_as, "page_time", {}).get("duration_s") == duration_s
    assert properties_of({"seconds": 3}, "page_view", {}) == {"seconds": 3}


@pytest.mark.parametrize(
    ("given_as", "asset"),
    [
        ({"asset": "a.pdf", "file_name": "b.pdf"}, "a.pdf"),
        ({"fileName": "b.pdf"}, "b.pdf"),
        ({"url": "https://a/files/livre%20blanc.pdf?x=1"}, "livre blanc.pdf"),
        ({"url": "https://a/"}, None),
        ({"url": "https://[a/"}, None),
        ({"url": 3}, None),
    ],
)
def test_what_was_downloaded(given_as: dict[str, object], asset: str | None) -> None:
    assert properties_of(given_as, "download", {}).get("asset") == asset


def test_traits_of_a_company_object() -> None:
    assert traits_of(
        {
            "firstName": "Claire",
            "Email": "c@b.fr",
            "company": {"id": 7, "name": "BatiPlus", "employee_count": 180, "industry": "BTP", "plan": None},
            "address": {"city": "Lyon", "country": "FR", "postalCode": "69001"},
        },
        {},
    ) == {
        "first_name": "Claire",
        "email": "c@b.fr",
        "company": "BatiPlus",
        "company_id": 7,
        "employees": 180,
        "industry": "BTP",
        "city": "Lyon",
        "country": "FR",
        "address_postal_code": "69001",
    }


def test_traits_beside_a_company_object_win_and_nulls_remove() -> None:
    assert traits_of({"company": {"employee_count": 180}, "employees": 200, "phone": None}, {}) == {
        "employees": 200,
        "phone": None,
    }
    assert traits_of({"company": "BatiPlus"}, {}) == {"company": "BatiPlus"}
    assert traits_of({"jobTitle": "DG"}, {"jobTitle": "title"}) == {"title": "DG"}


def test_traits_of_a_group() -> None:
    assert group_traits({"name": "Acme", "employeeCount": 3, "industry": None, "plan": "pro"}, {}) == {
        "company": "Acme",
        "employees": 3,
    }


@untimed
@given(st.integers(0, 10**15), st.none() | st.integers(0, 10**15), st.integers(0, 10**15))
def test_corrected_times_are_never_after_the_reception(
    happened: int, sent: int | None, received: int
) -> None:
    found = corrected(Micros(happened), None if sent is None else Micros(sent), Micros(received))
    assert found <= received
    if sent is not None and happened <= sent:
        assert received - found == sent - happened
