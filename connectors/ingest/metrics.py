"""Counts what the gateway takes in."""

from typing import Final

from prometheus_client import Counter

INGESTED: Final = Counter(
    "leadheat_ingested_events_total",
    "Events offered to the gateway, by protocol and result.",
    ["protocol", "result"],
)
