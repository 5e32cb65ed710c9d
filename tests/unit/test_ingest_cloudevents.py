"""What becomes of CloudEvents."""

import base64
import json
from typing import Any

import pytest
from starlette.datastructures import Headers

from connectors.ingest.cloudevents import is_one, record, split, translate
from connectors.ingest.errors import RefusedError
from scorer.errors import EventError

ENVELOPE = {"specversion": "1.0", "id": "7", "source": "/crm", "type": "page_view", "subject": "u-1"}


def event(**told: Any) -> dict[str, Any]:
    return translate({**ENVELOPE, **told})


@pytest.mark.parametrize(
    ("named", "of_type"),
    [
        ("page_view", "page_view"),
        ("com.acme.page_view", "page_view"),
        ("com.acme.DemoRequested.v1", "demo_requested"),
        ("com.acme.demo-requested.v1.2", "demo_requested"),
        ("com.acme.identify", "identify"),
        ("com.acme.whitepaper.downloaded", "download"),
        ("com.acme.WhitepaperDownloaded", "download"),
        ("Com.Acme.3", "acme"),
        ("!", "event"),
    ],
)
def test_types(named: str, of_type: str) -> None:
    found = event(type=named)
    assert found["type"] == of_type
    assert found.get("properties", {}) == ({} if named == of_type else {"event": named})


def test_all_of_an_envelope() -> None:
    found = event(
        type="com.acme.demo",
        time="2026-11-01T09:00:00Z",
        datacontenttype="application/json",
        dataschema="https://acme.test/schema",
        anonymousid="a-1",
        traceparent="00-1",
        data={"plan": "pro", "id": "order-1", "context": {"channel": "crm"}},
    )
    assert found == {
        "id": "/crm 7",
        "type": "demo",
        "lead_id": "u-1",
        "anonymous_id": "a-1",
        "time": "2026-11-01T09:00:00Z",
        "properties": {"plan": "pro", "id": "order-1", "event": "com.acme.demo"},
        "context": {"source": "/crm", "traceparent": "00-1", "channel": "crm"},
    }


def test_fields_in_the_data_win() -> None:
    found = event(leadid="u-2", data={"lead_id": "u-3", "properties": {"url": "x"}, "url": "y", "asset": "z"})
    assert found["lead_id"] == "u-3"
    assert found["properties"] == {"url": "x", "asset": "z"}


def test_an_identify_has_traits() -> None:
    found = event(type="identify", data={"email": "a@b.test", "traits": {"title": "CTO"}})
    assert found["traits"] == {"email": "a@b.test", "title": "CTO"}
    assert "properties" not in found


def test_one_of_our_events_inside() -> None:
    ours = {"id": "own", "type": "email_click", "lead_id": "u-9", "time": "2026-11-01T08:00:00Z"}
    found = event(type="com.acme.leadheat", data={**ours, "properties": {"link": "x"}})
    assert found == {
        **ours,
        "id": "/crm 7",
        "properties": {"link": "x"},
        "context": {"source": "/crm"},
    }
    assert event(data=ours, time="2026-11-01T09:00:00Z")["time"] == "2026-11-01T09:00:00Z"


def test_data_that_is_packed_or_no_object() -> None:
    packed = base64.b64encode(b'{"plan": "pro"}').decode()
    assert event(data_base64=packed)["properties"] == {"plan": "pro"}
    assert event(data="text")["properties"] == {"data": "text"}
    for odd in ("!", base64.b64encode(b"\xff").decode(), 7):
        assert "properties" not in event(data_base64=odd)


@pytest.mark.parametrize(
    "told",
    [{"specversion": "0.3"}, {"id": ""}, {"source": None}, {"type": 7}, {"data": {"context": 7}}],
)
def test_what_is_none(told: dict[str, Any]) -> None:
    with pytest.raises(EventError):
        event(**told)
    for nothing in (b"7", b"{", b"[" * 5_000):
        with pytest.raises(EventError):
            record(nothing, 32_000)


def test_the_modes() -> None:
    binary = Headers({f"ce-{name}": value for name, value in ENVELOPE.items()} | {"ce-subject": "L%C3%A9a"})
    (envelope,) = split(binary, b'{"plan": "pro"}')
    assert json.loads(envelope) == {**ENVELOPE, "subject": "Léa", "data": {"plan": "pro"}}
    (envelope,) = split(Headers({**binary, "content-type": "text/plain"}), b"hello")
    assert json.loads(envelope)["data"] == "hello"
    (envelope,) = split(Headers({**binary, "content-type": "image/png"}), b"\x89PNG")
    assert json.loads(envelope) == {**ENVELOPE, "subject": "Léa"}
    (envelope,) = split(binary, b"")
    assert "data" not in json.loads(envelope)
    assert split(Headers({"content-type": "Application/CloudEvents+JSON; charset=utf-8"}), b" {} ") == [b"{}"]
    batch = Headers({"content-type": "application/cloudevents-batch+json"})
    assert split(batch, b'[{"a": 1}, 7, {"b": NaN}]') == [b'{"a": 1}', b"7", b'{"b": NaN}']
    for headers, body in (
        (batch, b"[1"),
        (Headers({"content-type": "application/cloudevents+avro"}), b""),
        (binary, b'{"plan": 1}, "type": "x"'),
        (binary, b"[" * 100_000),
    ):
        with pytest.raises(RefusedError):
            split(headers, body)
    assert is_one(binary)
    assert is_one(batch)
    assert not is_one(Headers({"content-type": "application/json"}))
