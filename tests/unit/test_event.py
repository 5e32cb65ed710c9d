"""Records are read as events, or refused with what is wrong."""

from typing import Any

import pytest

from scorer.conditions import parse_test
from scorer.errors import EventError
from scorer.event import check, decode, key_of
from scorer.times import format_time, parse_time

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
    (
        b'{"type": "page_view", "lead_id": "u", "properties": {"x": 1e400, "y": ' + b"[" * 100_000,
        "nested too deeply to be an event",
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
    (b'{"type": "page_view", "lead_id": "u", "id": 1e400}', "id: a number out of range"),
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
    (b'{"type": "page_view", "lead_id": "u", "traits": {"x": "\xff"}}', "no valid JSON"),
    (b'{"type": "page_view", "lead_id": "u", "more": "\xff"}', "no valid JSON"),
    (
        b'{"type": "page_view", "lead_id": "u", "context": ' + b'{"a":' * 201 + b"[]" + b"}" * 202,
        "nested too deeply to be an event: expected at most 200 levels",
    ),
    (
        b'{"type": "identify", "lead_id": "u", "traits": {"x": ' + b"[" * 600 + b"]" * 600 + b"}}",
        "nested too deeply to be an event: expected at most 200 levels",
    ),
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


def test_traits_of_null_are_none() -> None:
    assert decode(b'{"type": "identify", "lead_id": "u", "traits": null}').trait_values() == {}


def test_there_may_be_more_types_than_anybody_would_name() -> None:
    for number in range(10_001):
        assert decode(f'{{"type": "type_{number}", "lead_id": "u"}}'.encode()).type == f"type_{number}"
    with pytest.raises(EventError, match="'Type_1' is no type"):
        decode(b'{"type": "Type_1", "lead_id": "u"}')


def test_parsed_json_is_checked_alike() -> None:
    told = {"type": "page_view", "lead_id": "none", "anonymous_id": "a-1"}
    assert (key_of(told), check(told).lead_id) == ("a-1", None)
    with pytest.raises(EventError, match="names nobody"):
        key_of({"type": "page_view"})
    with pytest.raises(EventError, match="nested too deeply"):
        check({**told, "properties": _nested(201)})
    for traits in (_nested(100_000), {"revenue": 10**5_000}):
        with pytest.raises(EventError, match="traits: "):
            check({**told, "type": "identify", "traits": traits})


def _nested(levels: int) -> dict[str, Any]:
    inner: dict[str, Any] = {}
    for _ in range(levels - 1):
        inner = {"a": inner}
    return inner


@pytest.mark.parametrize("deep", ['"a"', *("[" * levels + '"a"' + "]" * levels for levels in (1, 199))])
def test_lists_in_lists_are_asked_for_what_is_in_them(deep: str) -> None:
    event = decode(f'{{"type": "page_view", "lead_id": "u", "properties": {{"x": {deep}}}}}'.encode())
    assert parse_test("a", (), lambda *_: None)(event.properties["x"] if event.properties else None)


@pytest.mark.parametrize(
    ("text", "alike"),
    [
        ("2026-11-01T09:00:00", "2026-11-01T09:00:00Z"),
        ("2026-11-01t09:00:00.123456789z", "2026-11-01T09:00:00.123456Z"),
        ("2026-11-01 09:00:00+05:30", "2026-11-01T03:30:00Z"),
        ("2026-11-01T09:00:00-0800", "2026-11-01T17:00:00Z"),
        ("2026-11-01T09:00:00+01", "2026-11-01T08:00:00Z"),
        ("2026-12-31T23:59:60Z", "2027-01-01T00:00:00Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
    ],
)
def test_times_are_read(text: str, alike: str) -> None:
    assert format_time(parse_time(text)) == alike


@pytest.mark.parametrize(
    ("moment", "text"),
    [(-(1 << 61), "0001-01-01T00:00:00Z"), (1 << 61, "9999-12-31T23:59:59.999999Z")],
)
def test_a_moment_off_the_calendar_is_told_as_its_end(moment: int, text: str) -> None:
    assert format_time(moment) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-01",
        "2026-11-01T09:00Z",
        "2026-W44-7T09:00:00Z",
        "2026-11-01T24:00:00Z",
        "2026-11-01T09:00:61Z",
        "2026-02-30T09:00:00Z",
        "2026-11-01T09:00:00,5Z",
        "2026-11-01T09:00:00.Z",
        "2026-11-01T09:00:00 Z",
        "2026-11-01T09:00:00+01:00:30",
        "2026-11-01T09:00:00+01:60",
        "2026-11-01T09:00:00+24:00",
        "\uff12026-11-01T09:00:00Z",
    ],
)
def test_what_is_no_rfc_3339_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an RFC 3339 time, such as"):
        parse_time(text)
