"""Makes Grafana's dashboard: `python -m deploy.grafana.dashboard` prints it (`make docs` writes it)."""

import json
import sys
from dataclasses import dataclass
from typing import Any, Final

_SOURCE: Final = {"type": "prometheus", "uid": "prometheus"}
_WIDTH: Final = 12  # of Grafana's 24 columns: two panels a row
_HEIGHT: Final = 8


@dataclass(frozen=True)
class Panel:
    """A chart: its title, its unit in Grafana's words, and what it draws, query and legend."""

    title: str
    unit: str
    queries: tuple[tuple[str, str], ...]


def _quantiles(metric: str) -> tuple[tuple[str, str], ...]:
    return tuple(
        (f"histogram_quantile({share}, sum by (le) (rate({metric}_bucket[5m])))", f"p{round(share * 100)}")
        for share in (0.5, 0.95, 0.99)
    )


PANELS: Final = (
    Panel(
        "Events by result",
        "ops",
        (("sum by (result) (rate(leadheat_events_total[1m]))", "{{result}}"),),
    ),
    Panel("Event to score", "s", _quantiles("leadheat_event_to_score_seconds")),
    Panel("Event to alert", "s", _quantiles("leadheat_event_to_alert_seconds")),
    Panel("Alerts by play", "ops", (("sum by (play) (rate(leadheat_alerts_total[5m]))", "{{play}}"),)),
    Panel("Records that wait", "short", (("sum by (topic) (leadheat_consumer_lag_records)", "{{topic}}"),)),
    Panel("Age of the last commit", "s", (("max(leadheat_commit_age_seconds)", "oldest"),)),
    Panel(
        "HTTP answers by code",
        "reqps",
        (("sum by (code) (rate(leadheat_http_requests_total[1m]))", "{{code}}"),),
    ),
    Panel(
        "Deliveries by channel",
        "ops",
        (
            (
                "sum by (channel, result) (rate(leadheat_deliveries_total[5m]))",
                "{{channel}} {{result}}",
            ),
        ),
    ),
    Panel("Alert to delivery", "s", _quantiles("leadheat_alert_to_delivery_seconds")),
    Panel(
        "Alerts that wait, by destination",
        "short",
        (
            (
                "sum by (destination, state) (leadheat_deliveries_waiting)",
                "{{destination}} {{state}}",
            ),
        ),
    ),
    Panel(
        "Destinations: 0 taken, 1 asked by one, 2 left alone, 3 disabled",
        "short",
        (("max by (destination) (leadheat_delivery_breaker_state)", "{{destination}}"),),
    ),
    Panel("Leads", "short", (("sum(leadheat_leads)", "leads"),)),
    Panel("Recovery: records to read", "short", (("sum(leadheat_recovery_remaining_records)", "records"),)),
    Panel("Memory", "bytes", (('process_resident_memory_bytes{job=~".+"}', "{{job}}"),)),
)


def render() -> str:
    """The dashboard as JSON."""
    dashboard = {
        "uid": "leadheat",
        "title": "LeadHeat",
        "schemaVersion": 41,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "panels": [_panel(number, panel) for number, panel in enumerate(PANELS)],
    }
    return json.dumps(dashboard, indent=1) + "\n"


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    row, column = divmod(number, 24 // _WIDTH)
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel.title,
        "datasource": _SOURCE,
        "gridPos": {"x": column * _WIDTH, "y": row * _HEIGHT, "w": _WIDTH, "h": _HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + place), "expr": query, "legendFormat": legend}
            for place, (query, legend) in enumerate(panel.queries)
        ],
    }


if __name__ == "__main__":
    sys.stdout.write(render())
