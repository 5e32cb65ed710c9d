"""Counts what the keeping of accounts takes in and tells."""

from typing import Final

from prometheus_client import Counter

RECORDS: Final = Counter(
    "leadheat_accounts_records_total",
    "Score records that were read, by result: taken, elsewhere (of no account here), broken.",
    ["result"],
)
ROWS: Final = Counter("leadheat_accounts_written_total", "Rows of accounts that were written.")
ALERTS: Final = Counter("leadheat_accounts_alerts_total", "Alerts of accounts, by play.", ["play"])
