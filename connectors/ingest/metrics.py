"""Counts what the gateway takes in."""

from functools import cache
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


@cache
def ingested(protocol: str, result: str) -> Counter:
    """The count of a protocol's events; looking it up by its labels costs more than to count."""
    return INGESTED.labels(protocol, result)


@cache
def of_source(source: str, result: str) -> Counter:
    """The count of a source's events."""
    return OF_SOURCES.labels(source, result)


ROBOTS: Final = Counter(
    "leadheat_robots_total",
    "Events found to be a robot's, at once or later; each counts under every reason that it was found by.",
    ["reason"],
)
