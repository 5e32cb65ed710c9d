"""Mailjet's event API, signed with nothing."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from connectors.ingest.webhooks.mail import BOUNCE, CLICK, COMPLAINT, DELIVERED, OPEN, UNSUBSCRIBE, Mail
from connectors.ingest.webhooks.provider import Delivery, MailProvider
from connectors.ingest.webhooks.reading import custom, moment, text

_TYPES: Final[Mapping[str, str | None]] = {
    "sent": DELIVERED,  # to the recipient's mail server
    "bounce": BOUNCE,
    "greylisted": None,
    "blocked": None,
    "open": OPEN,
    "click": CLICK,
    "spam": COMPLAINT,
    "unsub": UNSUBSCRIBE,
}


class Mailjet(MailProvider):
    """Mailjet."""

    name = "mailjet"
    types = _TYPES

    def mails(self, told: Mapping[str, Any], delivery: Delivery) -> Iterator[Mail]:
        """One of one person."""
        del delivery
        kind, error = text(told, "event") or "", text(told, "error")
        if kind == "bounce" and error == "greylisted":
            kind = "greylisted"  # it will try again
        bounced = kind == "bounce"
        yield Mail(
            kind=kind,
            recipient=text(told, "email"),
            at=moment(told.get("time")),
            message_id=text(told, "Message_GUID", "MessageID", "mj_message_id"),
            campaign=text(told, "customcampaign"),
            link=text(told, "url"),
            bounce=("hard" if told.get("hard_bounce") is True else "soft") if bounced else None,
            reason=text(told, "comment", "error") if bounced else None,
            ip=text(told, "ip"),
            user_agent=text(told, "agent"),
            custom=custom(told.get("Payload")),
        )
