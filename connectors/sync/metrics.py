"""What an operator sees of the CRMs."""

from prometheus_client import Counter, Gauge

TOLD = Counter("leadheat_sync_told_total", "Records that a CRM was told of.", ["destination", "result"])
READ = Counter("leadheat_sync_read_total", "Changes that were read of a CRM.", ["destination", "result"])
CALLS = Counter("leadheat_sync_calls_total", "Rounds of calls to a CRM.", ["destination", "result"])
OPEN = Gauge(
    "leadheat_sync_open",
    "1 while a CRM is not called, since it failed.",
    ["destination"],
    multiprocess_mode="livemax",
)
WAITING = Gauge(
    "leadheat_sync_waiting", "Rows that wait for their time.", ["destination"], multiprocess_mode="livesum"
)
