"""Counts the deliveries of alerts, and tells how destinations are."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

DELIVERIES: Final = Counter(
    "leadheat_deliveries_total",
    "Deliveries of alerts, by channel and result: delivered, held, retried, parked, withdrawn, duplicate.",
    ["channel", "result"],
)
WAITING: Final = Gauge(
    "leadheat_deliveries_waiting",
    "Alerts that are still to be delivered, by destination and state: waiting, held, retrying.",
    ["destination", "state"],
    multiprocess_mode="livesum",
)
BREAKER: Final = Gauge(
    "leadheat_delivery_breaker_state",
    "Whether a destination is tried: 0 closed (it is), 1 half-open (by one delivery), 2 open (not now), "
    "3 disabled (not any more: it answered 410).",
    ["destination"],
    multiprocess_mode="livemax",
)
SECONDS: Final = Histogram(
    "leadheat_alert_to_delivery_seconds",
    "From an alert's moment to its delivery; hours that it was held for are in it.",
    ["channel"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 86_400, 345_600),
)
