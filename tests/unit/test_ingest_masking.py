"""What the page of arrivals shows of a request names nobody and opens no door."""

import json
from urllib.parse import quote, urlencode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.ingest.masking import HIDDEN, Masking

CANARIES = [
    "ada.lovelace+x@acme.example",
    "192.0.2.77",
    "2001:db8::7:1",
    "wk-secret-key",
    "Lovelace",
    "tok3n",
]


def told(**more: object) -> dict[str, object]:
    return {
        "email": CANARIES[0],
        "ip": CANARIES[1],
        "note": f"from {CANARIES[1]}, {CANARIES[2]}, {CANARIES[0]}",
        "writeKey": CANARIES[3],
        "elsewhere": f"x{CANARIES[3]}x",
        "lastName": "Lovelace",
        "url": f"https://a.example/?token=tok3n&email={quote(CANARIES[0])}&lastname=Lovelace&page=2",
        "access_token": "tok3n",
        "billing_phone": "tok3n",
        "address": {"street": "Lovelace", "lines": ["Lovelace"]},
        **more,
    }


def leaks(text: str) -> list[str]:
    return [one for one in CANARIES if one in text or quote(one) in text]


MASKING = Masking(["wk-secret-key"])


def test_fields_are_masked_by_their_names_and_texts_by_what_is_in_them() -> None:
    found = MASKING.value(told(nested={"list": [told()]}))
    assert leaks(msgspec.json.encode(found).decode()) == []
    assert found["url"] == f"https://a.example/?token={HIDDEN}&email={HIDDEN}&lastname={HIDDEN}&page=2"
    assert found["nested"]["list"][0]["elsewhere"] == f"x{HIDDEN}x"


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(told()).encode(),
        json.dumps([told()])[:-20].encode(),
        json.dumps(told()).replace("@", "\\u0040").encode(),
        (json.dumps(told()) + "\n" + json.dumps(told())).encode(),
        urlencode(told()).encode(),
        urlencode({f"person[{name}]": value for name, value in told().items()}).encode(),
        urlencode({"events": json.dumps([told()])}).encode(),
        b"--x\r\nContent-Disposition: form-data\r\n\r\nada.lovelace+x@acme.example wk-secret-key",
        json.dumps({"batch": [told() for _ in range(400)]}).encode(),
    ],
)
def test_bodies_of_every_form_are_masked(body: bytes) -> None:
    shown = MASKING.body(body, 3_000)
    assert leaks(shown) == []
    assert HIDDEN in shown
    assert len(shown) <= 3_001


def test_what_a_developer_looks_for_is_left() -> None:
    event = {
        "type": "page_view",
        "events": [{"name": "generate_lead"}],
        "title": "Tarifs",
        "company": "Initech",
        "time": "2026-11-01T09:00:00.123Z",
        "employees": 180,
        "active": True,
        "none": None,
        "id": "6f0d3c1e-6f3b-4b0e-9f55-2d3a1c9b7e10",
        "version": "1.84.3",
    }
    assert MASKING.value(event) == event


def test_ids_are_told_apart_and_not_told() -> None:
    first, again, other = (MASKING.value({"userId": one})["userId"] for one in ("u-421", "u-421", "u-422"))
    assert first == again != other
    assert "u-421" not in first
    assert MASKING.value({"userId": CANARIES[0]})["userId"] == HIDDEN


def test_what_is_encoded_is_not_shown() -> None:
    assert MASKING.text("ue_px=" + "eyJzY2hlbWEi" * 9) == f"ue_px={HIDDEN}(108)"


@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_no_body_is_too_odd(body: bytes) -> None:
    shown = MASKING.body(body, 100)
    assert len(shown) <= 101
    MASKING.pairs(body.decode("latin-1"))
    MASKING.text(body.decode("latin-1"))
