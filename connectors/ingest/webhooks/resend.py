"""Resend's webhooks, signed by Svix, which is Standard Webhooks under other names of headers."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from connectors.ingest.webhooks.mail import BOUNCE, CLICK, COMPLAINT, DELIVERED, OPEN, UNSUBSCRIBE, Mail
from connectors.ingest.webhooks.provider import Delivery, SignedProvider
from connectors.ingest.webhooks.reading import custom, headers_of, inner, moment, part, text, texts
from connectors.ingest.webhooks.settings import ProviderSettings
from connectors.ingest.webhooks.signing import Proof
from connectors.ingest.webhooks.standard import require_secrets, require_standard

_TYPES: Final[Mapping[str, str | None]] = {
    "email_sent": None,
    "email_scheduled": None,
    "email_delivery_delayed": None,
    "email_failed": None,
    "email_suppressed": None,
    "email_received": None,
    "contact_created": None,
    "contact_updated": None,
    "contact_deleted": None,
    "domain_created": None,
    "domain_updated": None,
    "domain_deleted": None,
    "contact_unsubscribed": UNSUBSCRIBE,
    "email_delivered": DELIVERED,
    "email_bounced": BOUNCE,
    "email_opened": OPEN,
    "email_clicked": CLICK,
    "email_complained": COMPLAINT,
}
_SOFT: Final = frozenset({"Temporary", "Transient", "Undetermined"})


class Resend(SignedProvider):
    """Resend."""

    name = "resend"
    types = _TYPES

    def check(self, settings: ProviderSettings) -> None:
        """A secret of Standard Webhooks."""
        require_secrets(settings)

    async def authenticate(self, delivery: Delivery) -> Proof | None:
        """The signature of Standard Webhooks."""
        return require_standard(delivery, self.max_age_s)

    def mails(self, told: Mapping[str, Any], delivery: Delivery) -> Iterator[Mail]:
        """One, of the first recipient: of several, Resend does not say whose it is."""
        kind, data = text(told, "type") or "", part(told, "data")
        if kind == "contact.updated" and data.get("unsubscribed") is True:
            kind = "contact.unsubscribed"
        did = part(data, "click") or part(data, "open")
        bounced = kind == "email.bounced"
        bounce = part(data, "bounce")
        headers = headers_of(data.get("headers"))
        own = _named(data.get("tags"))
        own |= {name: value for one in headers.get("x-metadata", []) for name, value in custom(one).items()}
        yield Mail(
            kind=kind,
            recipient=next(iter(texts(data.get("to"))), None) or text(data, "email"),
            at=moment(text(did, "timestamp") or text(told, "created_at")),
            id=delivery.head.headers.get("svix-id") or delivery.head.headers.get("webhook-id"),
            message_id=text(data, "email_id"),
            subject=text(data, "subject"),
            campaign=text(own, "campaign") or text(data, "broadcast_id"),
            tags=[tag for one in headers.get("x-tags", []) for tag in texts(inner(one))],
            link=text(did, "link"),
            bounce=("soft" if text(bounce, "type") in _SOFT else "hard") if bounced else None,
            reason=text(bounce, "message") if bounced else None,
            ip=text(did, "ipAddress"),
            user_agent=text(did, "userAgent"),
            custom=own,
        )


def _named(tags: object) -> dict[str, Any]:
    """Tags, which have a name and a value, written in either of Resend's ways."""
    if isinstance(tags, dict):
        return dict(tags)
    pairs = [one for one in tags if isinstance(one, dict)] if isinstance(tags, list) else []
    return {name: one.get("value") for one in pairs if (name := text(one, "name")) is not None}
