"""Counts what the gateway takes in."""

from typing import Final

from prometheus_client import Counter

INGESTED: Final = Counter(
    "leadheat_ingested_events_total",
    "Events offered to the gateway, by protocol and result.",
    ["protocol", "result"],
)

OF_SOURCES: Final = Counter(
    "leadheat_source_events_total",
    "Events offered by a source: accepted, rejected, or excluded, which are its own people's.",
    ["source", "result"],
)

REFUSED: Final = Counter(
    "leadheat_refused_requests_total", "Requests to the gateway that were refused, by reason.", ["reason"]
)
