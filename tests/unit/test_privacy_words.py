"""What names a person is found wherever it stands in a record, and nobody else is taken for them."""

import msgspec
import pytest

from deploy.privacy.receipt import Receipt, ReceiptError, load
from deploy.privacy.words import Hashed, Marks, Names, hashes_of, texts, texts_of_state
from scorer import handover
from scorer.blocks import BlocksError, Hasher
from scorer.evidence import Evidence
from scorer.handover import Forwarded
from scorer.lead import Lead, encode

NAMES = Names({"u-42", "ü 3", "7", "hubspot:9"}, {"Anne@Acme.fr"})
HASHED = Hashed(Hasher(b"k"), hashes_of(Hasher(b"k"), NAMES))


def found(marks: Marks, value: object) -> bool:
    return any(map(marks.named, texts(value)))


@pytest.mark.parametrize("marks", [NAMES, HASHED])
@pytest.mark.parametrize(
    "value",
    [
        b'{"lead_id": "u-42"}',
        b'{"properties": {"list": [{"u-42": 1}]}}',
        b'{"lead_id": "\\u00fc 3"}',
        b'{"lead_id": 7}',
        b'{"note": "call anne@ACME.fr, today"}',
        b'{"broken": "u-42',
        b"GET /v1/leads/x lead=u-42 200",
        b"assigned:u-42",  # keys of rows, which are all that a deletion has
        b"lead\0crm:eu\0u-42",
        b"assigned:hubspot:9",
        handover.encode(Forwarded("a", 1, "e", 0, b'{"lead_id":"u-42"}', [])),
        handover.encode(Forwarded("u-42", 1, "e", 0, b"{}", [])),
        b"\xffu-42",
    ],
)
def test_is_found(marks: Marks, value: bytes) -> None:
    if value.startswith(b"\xff") and isinstance(marks, Hashed):
        value = b"\xff " + value[1:]  # a hash needs whole words
    assert found(marks, value)


@pytest.mark.parametrize("marks", [NAMES, HASHED])
@pytest.mark.parametrize(
    "value",
    [
        b'{"lead_id": "u-421"}',
        b'{"email": "xanne@acme.fr"}',
        b'{"n": 70}',
        b'{"lead_id": "U-42"}',
        b"",
        b"null",
    ],
)
def test_nobody_else_is_found(marks: Marks, value: bytes) -> None:
    assert not found(marks, value)


@pytest.mark.parametrize("marks", [NAMES, HASHED])
def test_is_found_in_a_state(marks: Marks) -> None:
    traits = Lead(evidence=Evidence(traits={"email": (0, '"anne@acme.fr"')}))
    tied = Lead(ties=[(0, "u-42")])
    assert any(map(marks.named, texts_of_state(encode(traits, 0, 0, 1))))
    assert any(map(marks.named, texts_of_state(encode(tied, 0, 0, 1))))
    assert not any(map(marks.named, texts_of_state(encode(Lead(), 0, 0, 1))))


def test_hashes_of_another_key_are_refused() -> None:
    with pytest.raises(BlocksError):
        Hashed(Hasher(b"other"), hashes_of(Hasher(b"k"), NAMES))


def test_a_receipt_that_was_changed_is_refused() -> None:
    receipt = Receipt("the person")
    receipt.add("leadheat.alerts", "rewritten", 2)
    signed = receipt.signed(b"secret")
    told = load(msgspec.json.encode(signed), b"secret")
    assert (told["complete"], told["places"][0]["removed"]) == (True, 2)
    places = [{**signed["places"][0], "removed": 3}]
    for wrong, secret in (({**signed, "places": places}, b"secret"), (signed, b"other"), ({}, b"secret")):
        with pytest.raises(ReceiptError):
            load(msgspec.json.encode(wrong), secret)


def test_a_receipt_is_incomplete_once_something_is_left_undone() -> None:
    receipt = Receipt(None)
    receipt.add("cache", "not in time", undone=True)
    assert receipt.signed(b"")["complete"] is False
    assert receipt.signed(b"")["digest"]["algorithm"] == "sha256"
