"""Postmark's webhooks, which it signs with nothing: a password in their address shows who sends."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from connectors.ingest.webhooks.mail import BOUNCE, CLICK, COMPLAINT, DELIVERED, OPEN, UNSUBSCRIBE, Mail
from connectors.ingest.webhooks.provider import Delivery, MailProvider
from connectors.ingest.webhooks.reading import custom, moment, part, text, texts

_TYPES: Final[Mapping[str, str | None]] = {
    "delivery": DELIVERED,
    "open": OPEN,
    "click": CLICK,
    "hard_bounce": BOUNCE,
    "soft_bounce": BOUNCE,
    "bad_email_address": BOUNCE,
    "virus_notification": BOUNCE,
    "blocked": BOUNCE,
    "dmarc_policy": BOUNCE,
    "spam_complaint": COMPLAINT,
    "spam_notification": COMPLAINT,
    "unsubscribe": UNSUBSCRIBE,
    "manual_suppression": UNSUBSCRIBE,
    "transient": None,
    "dns_error": None,
    "auto_responder": None,
    "address_change": None,
    "open_relay_test": None,
    "challenge_verification": None,
    "manually_deactivated": None,
    "unconfirmed": None,
    "subscribe": None,
    "smtp_api_error": None,
    "inbound": None,
    "inbound_error": None,
    "template_rendering_failed": None,
    "unknown": None,
}
_HARD: Final = frozenset({"HardBounce", "BadEmailAddress"})


class Postmark(MailProvider):
    """Postmark."""

    name = "postmark"
    types = _TYPES

    def mails(self, told: Mapping[str, Any], delivery: Delivery) -> Iterator[Mail]:
        """One of one person."""
        del delivery
        kind = _kind(told)
        bounced = told.get("RecordType") == "Bounce" or kind == "HardBounce"
        number = text(told, "ID")
        yield Mail(
            kind=kind,
            recipient=text(told, "Recipient", "Email"),
            at=moment(text(told, "ReceivedAt", "DeliveredAt", "BouncedAt", "ChangedAt")),
            id=f"postmark-{kind}-{number}" if number else None,
            message_id=text(told, "MessageID"),
            subject=text(told, "Subject"),
            tags=texts(told.get("Tag")),
            link=text(told, "OriginalLink"),
            bounce=("hard" if kind in _HARD else "soft") if bounced else None,
            reason=text(told, "Details", "Description") if bounced else None,
            ip=text(part(told, "Geo"), "IP"),
            user_agent=text(told, "UserAgent"),
            custom=custom(told.get("Metadata")),
        )


def _kind(told: Mapping[str, Any]) -> str:
    """The record's type, for a bounce that of the bounce, for a changed subscription what changed it."""
    record = text(told, "RecordType") or ""
    if record == "Bounce":
        return text(told, "Type") or "SoftBounce"
    if record == "SubscriptionChange":
        changed = text(told, "SuppressionReason") or "ManualSuppression"
        return changed if told.get("SuppressSending") is True else "Resubscribe"
    return record
