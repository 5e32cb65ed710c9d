"""What nurturing counts."""

from typing import Final

from prometheus_client import Counter

MAILS: Final = Counter(
    "leadheat_nurture_mails_total",
    "Mails by sequence or survey: sent, bounced, refused, failed, later (tried again).",
    ["campaign", "result"],
)
LEFT: Final = Counter(
    "leadheat_nurture_left_total", "Leads that left a sequence, by why.", ["sequence", "reason"]
)
TURNED_AWAY: Final = Counter(
    "leadheat_nurture_turned_away_total",
    "Sequences and surveys that did not begin, by why.",
    ["campaign", "reason"],
)
