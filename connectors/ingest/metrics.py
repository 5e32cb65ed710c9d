"""Counts what the gateway answers and takes in."""

from typing import Final

from prometheus_client import Counter

HTTP_REQUESTS: Final = Counter(
    "leadheat_http_requests_total", "Requests answered, by route and status code.", ["route", "code"]
)
INGESTED: Final = Counter(
    "leadheat_ingested_events_total",
    "Events offered to the gateway, by protocol and result.",
    ["protocol", "result"],
)
