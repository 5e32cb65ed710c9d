"""Brevo's webhooks (formerly Sendinblue), transactional and of campaigns, signed with nothing."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from connectors.ingest.webhooks.mail import BOUNCE, CLICK, COMPLAINT, DELIVERED, OPEN, UNSUBSCRIBE, Mail
from connectors.ingest.webhooks.provider import Delivery, MailProvider
from connectors.ingest.webhooks.reading import custom, inner, moment, text, texts

_TYPES: Final[Mapping[str, str | None]] = {
    "request": None,
    "sent": None,
    "deferred": None,
    "blocked": None,
    "error": None,
    "list_addition": None,
    "contact_updated": None,
    "contact_deleted": None,
    "inbound_email_processed": None,
    "delivered": DELIVERED,
    "hard_bounce": BOUNCE,
    "soft_bounce": BOUNCE,
    "invalid_email": BOUNCE,
    "invalid": BOUNCE,
    "opened": OPEN,
    "unique_opened": OPEN,
    "proxy_open": OPEN,
    "unique_proxy_open": OPEN,
    "click": CLICK,
    "clicked": CLICK,
    "spam": COMPLAINT,
    "complaint": COMPLAINT,
    "unsubscribe": UNSUBSCRIBE,
    "unsubscribed": UNSUBSCRIBE,
}
_BOUNCES: Final = frozenset({"hard_bounce", "soft_bounce", "invalid_email", "invalid"})
_PROXY: Final = frozenset({"proxy_open", "unique_proxy_open"})


class Brevo(MailProvider):
    """Brevo. Its `ts_epoch` is the time; its `date` is of the account's timezone, which it does not tell."""

    name = "brevo"
    types = _TYPES

    def mails(self, told: Mapping[str, Any], delivery: Delivery) -> Iterator[Mail]:
        """One of one person."""
        del delivery
        kind = text(told, "event") or ""
        bounced = kind in _BOUNCES
        yield Mail(
            kind=kind,
            recipient=text(told, "email"),
            at=moment(text(told, "ts_epoch", "s_epoch", "ts_event", "ts")),
            message_id=text(told, "message-id"),
            subject=text(told, "subject"),
            campaign=text(told, "campaign name", "campaign_name"),
            tags=texts(inner(told.get("tags"))) or texts(inner(told.get("tag"))),
            template=text(told, "template_id", "camp_id"),
            link=text(told, "link", "URL", "url"),
            bounce=("soft" if kind == "soft_bounce" else "hard") if bounced else None,
            reason=text(told, "reason") if bounced else None,
            ip=text(told, "ip"),
            user_agent=text(told, "user_agent"),
            machine=kind in _PROXY,
            proxy=kind in _PROXY,
            custom=custom(told.get("X-Mailin-custom")),
        )
