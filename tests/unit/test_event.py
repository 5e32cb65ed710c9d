"""Records are read as events, or refused with what is wrong."""

import pytest

from scorer.errors import EventError
from scorer.event import check, decode, key_of

BAD = [
    (b"", "no valid JSON"),
    (b"{", "no valid JSON"),
    (b"\xff\xfe", "no valid JSON"),
    (b'{"type": "page_view", "lead_id": "u", "properties": {"x": NaN}}', "no valid JSON"),
    (b'{"type": "page_view", "lead_id": "\\ud800"}', "no valid JSON"),
    (b"[" * 200_000, "nested too deeply"),
    (
        b'{"type": "page_view", "lead_id": "u", "properties": ' + b'{"a":' * 90_000 + b"1" + b"}" * 90_001,
        "nested",
    ),
    (b'{"type": "page_view", "lead_id": "\xff"}', "no valid JSON"),
    (b'{"type": "page_view", "lead_id": "u", "properties": {"x": "\xff"}}', "no valid JSON"),
    (b'{"type": "identify", "lead_id": "u", "traits": {"x": "\xff"}}', "no valid JSON"),
    (b"[]", "expected a JSON object, got a list"),
    (b'"page_view"', "expected a JSON object, got a string"),
    (b'{"lead_id": "u"}', "type: missing"),
    (b'{"type": "PageView", "lead_id": "u"}', "type: 'PageView' is no type"),
    (b'{"type": 5, "lead_id": "u"}', "type: expected a string, got a number"),
    (b'{"type": "page_view"}', "names nobody"),
    (b'{"type": "page_view", "lead_id": "Undefined", "anonymous_id": "[object Object]"}', "names nobody"),
    (b'{"type": "page_view", "lead_id": 5}', "lead_id: expected a string, got a number"),
    (
        b'{"type": "page_view", "lead_id": "u", "id": true}',
        "id: expected a string or a number, got a boolean",
    ),
    (b'{"type": "page_view", "lead_id": "u", "time": 5}', "time: expected a string"),
    (
        b'{"type": "page_view", "lead_id": "u", "time": "yesterday"}',
        "time: 'yesterday' is not an RFC 3339 time",
    ),
    (
        b'{"type": "page_view", "lead_id": "u", "properties": []}',
        "properties: expected an object, got a list",
    ),
    (b'{"type": "page_view", "lead_id": "u", "context": "x"}', "context: expected an object"),
    (b'{"type": "identify", "lead_id": "u", "traits": ["x"]}', "traits: expected an object, got a list"),
]


@pytest.mark.parametrize(("value", "said"), BAD, ids=[said for _, said in BAD])
def test_no_event(value: bytes, said: str) -> None:
    with pytest.raises(EventError) as refused:
        decode(value)
    assert said in str(refused.value)


def test_several_mistakes_are_told_at_once() -> None:
    with pytest.raises(EventError, match=r"lead_id: .*; properties: "):
        decode(b'{"type": "page_view", "lead_id": 5, "properties": []}')


def test_what_is_read() -> None:
    event = decode(
        b'{"type": "demo_requested", "id": 12, "lead_id": null, "anonymous_id": "a",'
        b' "time": "2026-11-01T10:00:00+01:00", "traits": 5, "properties": {"x": 1e400}, "more": []}'
    )
    assert (event.id, event.key, event.moment) == ("12", "a", 1_793_523_600_000_000)
    assert event.properties == {"x": float("inf")}


def test_parsed_json_is_checked_alike() -> None:
    told = {"type": "page_view", "lead_id": "none", "anonymous_id": "a-1"}
    assert (key_of(told), check(told).lead_id) == ("a-1", None)
    with pytest.raises(EventError, match="names nobody"):
        key_of({"type": "page_view"})
