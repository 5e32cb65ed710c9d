"""Which topic a type of event belongs to: the names of the public contract, without any Kafka."""

from typing import Final

PAGE_VIEWS: Final = "page-views"
EMAIL_CLICKS: Final = "email-clicks"
DOWNLOADS: Final = "downloads"
SIGNALS: Final = "signals"
PROFILES: Final = "profiles"
OUTCOMES: Final = "outcomes"
HANDOVER: Final = "handover"
SCORES: Final = "scores"
ALERTS: Final = "alerts"
FAILED: Final = "failed"
ERASURES: Final = "erasures"
ARRIVALS: Final = "arrivals"
"""Samples of the requests that the gateway answered, masked, for an hour."""
IMPORTS: Final = "imports"
"""Which archives of history were imported, and how far."""
DELIVERIES: Final = "deliveries"
"""What became of each delivery of an alert: held, tried again, delivered, parked, expired."""
TASKS: Final = "tasks"
"""Who a lead is assigned to, and what is to be done about it until when."""
NURTURING: Final = "nurturing"
"""Where a lead stands in sequences of mails and surveys, and what it was sent."""
SYNC: Final = "sync"
"""What CRMs have been told of a lead, and what they have yet to be told."""
ACCOUNTS: Final = "accounts"
"""Companies as the leads that work there; key: the account."""

IN_TOPICS: Final = (PAGE_VIEWS, EMAIL_CLICKS, DOWNLOADS, SIGNALS, PROFILES, OUTCOMES)

_BY_TYPE: Final = {
    "page_view": PAGE_VIEWS,
    "page_time": PAGE_VIEWS,
    "unsubscribe": EMAIL_CLICKS,
    "download": DOWNLOADS,
    "identify": PROFILES,
    "alias": PROFILES,
    "outcome": OUTCOMES,
    "nps": OUTCOMES,
}


def topic_of(event_type: str) -> str:
    """The in-topic of a type of event, without the prefix.

    >>> topic_of("page_view"), topic_of("email_open"), topic_of("demo_requested")
    ('page-views', 'email-clicks', 'signals')
    """
    if event_type.startswith("email_"):
        return EMAIL_CLICKS
    return _BY_TYPE.get(event_type, SIGNALS)


def full_name(prefix: str, topic: str) -> str:
    """The topic's name in Kafka.

    >>> full_name("leadheat", PAGE_VIEWS)
    'leadheat.page-views'
    """
    return f"{prefix}.{topic}"
