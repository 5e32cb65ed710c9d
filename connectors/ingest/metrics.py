"""Counts what the gateway takes in."""

from typing import Final

from prometheus_client import Counter

INGESTED: Final = Counter(
    "leadheat_ingested_events_total",
    "Events offered to the gateway, by protocol and result.",
    ["protocol", "result"],
)

ROBOTS: Final = Counter(
    "leadheat_robots_total",
    "Events found to be a robot's, at once or later; each counts under every reason that it was found by.",
    ["reason"],
)
