"""Counts the deliveries of alerts."""

from typing import Final

from prometheus_client import Counter

DELIVERIES: Final = Counter(
    "leadheat_deliveries_total",
    "Deliveries of alerts, by channel and result: delivered, retried, parked, duplicate.",
    ["channel", "result"],
)
