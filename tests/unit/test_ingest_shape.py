"""Shapes of events: what is refused alone, and what just passes."""

import json
from typing import Any

import pytest

from connectors.ingest.records import event_record
from connectors.ingest.shape import DEFAULT, Shape
from scorer.errors import EventError


def take(shape: Shape = DEFAULT, **fields: Any) -> None:
    event = {"id": "e-1", "type": "page_view", "anonymous_id": "a-1", **fields}
    event_record(json.dumps(event, ensure_ascii=False).encode(), 32_000, shape)


def nested(levels: int, kind: str = "object") -> Any:
    """An object of so many levels, itself the first; lists below it, if those are wanted."""
    found: Any = 1
    for _ in range(levels - 1):
        found = {"a": found} if kind == "object" else [found]
    return {"a": found}


@pytest.mark.parametrize(
    "fields",
    [
        {"lead_id": "u" * 500},
        {"lead_id": "é" * 250},
        {"properties": {str(number): 0 for number in range(1_000)}},
        {"properties": {"x": "y" * 8_192}},
        {"properties": {"x": "é" * 4_096}},
        {"properties": nested(32)},
        {"context": nested(32, "list")},
        {"type": "identify", "lead_id": "u", "traits": nested(32)},
        {"properties": {str(number): {"a": [number]} for number in range(300)}},  # wide, not deep
        {"properties": {"items": [list(range(100))] * 40}},
        {"traits": {"x": "y" * 8_193}},
        {"traits": nested(33)},
    ],
)
def test_passes(fields: dict[str, Any]) -> None:
    take(**fields)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"lead_id": "u" * 501}, "lead_id: longer"),
        ({"anonymous_id": "é" * 251}, "anonymous_id: longer"),
        ({"properties": {str(number): 0 for number in range(1_001)}}, "properties: more than 1000 fields"),
        ({"properties": {"a": [{"b": 1}] * 1_000}}, "more than 1000 fields"),
        ({"context": {"x": ["y" * 8_193]}}, "context: a text longer"),
        ({"type": "identify", "lead_id": "u", "traits": {"x": "y" * 8_193}}, "traits: a text longer"),
        ({"properties": {"x": "é" * 4_097}}, "properties: a text longer than 8192 bytes"),
        ({"properties": nested(33)}, "properties: nested more than 32 levels deep"),
        ({"context": nested(33, "list")}, "context: nested more than 32"),
        ({"type": "identify", "lead_id": "u", "traits": nested(33)}, "traits: nested more than 32"),
        ({"context": {"a": 1}, "properties": {"x": {"y" * 3_000: nested(40)}}}, "properties: nested more"),
    ],
)
def test_refuses(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(EventError, match=told):
        take(**fields)


def test_what_is_set_otherwise() -> None:
    take(Shape(depth=100), properties=nested(100))
    take(Shape(text_bytes=20_000), properties={"x": "y" * 20_000})
    for fields in ({"properties": nested(5)}, {"properties": {"x": "y" * 501}}):
        with pytest.raises(EventError):
            take(Shape(depth=4, text_bytes=500), **fields)
