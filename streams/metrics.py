"""The worker's metrics, under the names of the contract."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

_LATENCY_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

EVENTS: Final = Counter(
    "leadheat_events", "Records read, by what became of them.", ["topic", "result"]
)  # the client adds _total
ALERTS: Final = Counter("leadheat_alerts", "Alerts sent.", ["play"])
EVENT_TO_SCORE: Final = Histogram(
    "leadheat_event_to_score_seconds",
    "From the arrival of a fetched batch's oldest record until its scores were acknowledged.",
    buckets=_LATENCY_S,
)
EVENT_TO_ALERT: Final = Histogram(
    "leadheat_event_to_alert_seconds",
    "From what caused an alert (an event's arrival, a crossing by time) until the alert was acknowledged.",
    buckets=_LATENCY_S,
)
LAG: Final = Gauge(
    "leadheat_consumer_lag_records",
    "Records that the broker holds and no worker has committed.",
    ["topic", "partition"],
    multiprocess_mode="livemax",
)
COMMIT_AGE: Final = Gauge(
    "leadheat_commit_age_seconds",
    "Since records wait, how long ago the last commit was; 0 while none wait.",
    multiprocess_mode="livemax",
)
FORGOTTEN: Final = Counter(
    "leadheat_leads_forgotten",
    "Ids deleted that nobody is known behind and nothing counts of any more.",
)
RECOVERY_REMAINING: Final = Gauge(
    "leadheat_recovery_remaining_records",
    "Records of the changelog that are still to be read before scoring goes on; 0 while it does.",
    multiprocess_mode="livesum",
)
LEADS: Final = Gauge("leadheat_leads", "Leads that the worker holds.", multiprocess_mode="livesum")
BUILD_INFO: Final = Gauge(
    "leadheat_build_info",
    "1, with the program's version and the grid in force.",
    ["version", "grid", "grid_version"],
    multiprocess_mode="livemax",
)
