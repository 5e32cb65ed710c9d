"""Shapes of events: what is refused alone, and what just passes."""

import json
from typing import Any

import pytest

from connectors.ingest.records import event_record
from scorer.errors import EventError


def take(**fields: Any) -> None:
    event = {"id": "e-1", "type": "page_view", "anonymous_id": "a-1", **fields}
    event_record(json.dumps(event, ensure_ascii=False).encode(), 32_000)


@pytest.mark.parametrize(
    "fields",
    [
        {"lead_id": "u" * 500},
        {"lead_id": "é" * 250},
        {"properties": {str(number): 0 for number in range(1_000)}},
        {"properties": {"x": "y" * 16_000}},
        {"properties": {"items": [list(range(100))] * 40}},
        {"traits": {"x": "y" * 16_001}},
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
        ({"context": {"x": ["y" * 16_001]}}, "context: a text longer"),
        ({"type": "identify", "lead_id": "u", "traits": {"x": "y" * 16_001}}, "traits: a text longer"),
    ],
)
def test_refuses(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(EventError, match=told):
        take(**fields)
