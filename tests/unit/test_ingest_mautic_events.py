"""What becomes of the page views of Mautic's script."""

import base64
from typing import Any

import pytest

from connectors.ingest.mapping import PLAIN, SourceMapping
from connectors.ingest.mautic_events import translate, unpacked
from scorer.errors import EventError


def events(mapping: SourceMapping = PLAIN, **told: str) -> list[dict[str, Any]]:
    return translate({"page_url": "https://acme.test/tarifs", **told}, "d-1", "192.0.2.1", "Firefox", mapping)


def test_a_page_view() -> None:
    (found,) = events(
        page_title="Tarifs",
        page_referrer="search.test",
        page_language="fr-FR",
        preferred_locale="fr_FR",
        timezone="Europe/Paris",
        counter="0",
        resolution="1x1",
        do_not_track="true",
        utm_source="mail",
    )
    assert found == {
        "type": "page_view",
        "anonymous_id": "d-1",
        "properties": {"url": "https://acme.test/tarifs", "title": "Tarifs", "referrer": "search.test"},
        "context": {
            "ip": "192.0.2.1",
            "user_agent": "Firefox",
            "channel": "browser",
            "locale": "fr_FR",
            "timezone": "Europe/Paris",
            "do_not_track": True,
            "utm_source": "mail",
        },
    }


def test_fields_of_the_contact_are_traits() -> None:
    contact = {"email": "ada@acme.test", "firstname": "Ada", "title": "Ms", "position": "CTO", "mobile": "1"}
    mapping = SourceMapping(traits={"taille": "employees"})
    _, identify = events(mapping, **contact, companyname="Acme", taille="12", tags="wp", phone="")
    assert identify == {
        "type": "identify",
        "anonymous_id": "d-1",
        "traits": {
            "email": "ada@acme.test",
            "first_name": "Ada",
            "salutation": "Ms",
            "title": "CTO",
            "phone": "1",
            "company": "Acme",
            "employees": "12",
            "tags": "wp",
        },
    }


@pytest.mark.parametrize(
    ("url", "of_type"),
    [
        ("https://acme.test/f/Livre%20blanc.PDF?v=1", "download"),
        ("https://acme.test/pdf", "page_view"),
        ("https://acme.test/a.html", "page_view"),
        ("https://[acme/a.pdf", "page_view"),
    ],
)
def test_a_page_view_of_a_document_is_a_download(url: str, of_type: str) -> None:
    (found,) = events(page_url=url)
    assert found["type"] == of_type
    assert found["properties"].get("asset") == ("Livre blanc.PDF" if of_type == "download" else None)


def test_a_page_view_of_nothing() -> None:
    with pytest.raises(EventError):
        events(page_url="")


def test_packed_fields() -> None:
    def packed(text: bytes) -> dict[str, str]:
        return unpacked(base64.urlsafe_b64encode(text).decode().rstrip("="))

    assert packed(b'{"page_url":"x","n":1,"none":null}') == {"page_url": "x", "n": "1"}
    assert packed('a:2:{s:8:"page_url";s:2:"é";s:5:"email";s:1:"m";}'.encode()) == {
        "page_url": "é",
        "email": "m",
    }
    assert packed(b'a:2:{s:1:"a";s:1:"b";s:1:"c";a:0:{}}') == {"a": "b"}
    assert packed(b'a:1:{s:999999:"') == {}
    for wrong in ("\u1234", "YQ", "W10"):
        with pytest.raises(EventError):
            unpacked(wrong)
